/* Faults of a Windows host: codes of winerror.h and wsmerror.h. */
#include "wsman/wsman.h"

static const struct {
    uint32_t code;
    enum wsman_fault kind;
    const char *words;
} faults[] = {
    {5, WSMAN_FAULT_OTHER,
     "access denied: the account must be in Administrators or Remote Management Users there"},
    {2147942405u, WSMAN_FAULT_OTHER,
     "access denied: the account must be in Administrators or Remote Management Users there"},
    {995, WSMAN_FAULT_OTHER, "the command was ended before it was through"},
    {1115, WSMAN_FAULT_OTHER, "the host is shutting down"},
    {1726, WSMAN_FAULT_OTHER,
     "the remote procedure call failed: the WinRM service there has ended"},
    {2147943515u, WSMAN_FAULT_OTHER, "the host is shutting down"},
    {2147942606u, WSMAN_FAULT_OTHER,
     "the command line is too long: send the script on standard input"},
    {2150858793u, WSMAN_FAULT_AGAIN, "no output yet"},
    {2150858843u, WSMAN_FAULT_GONE, "the shell is not there (any more)"},
    {2150858816u, WSMAN_FAULT_GONE, "the resource is not there"},
    {2147943418u, WSMAN_FAULT_GONE, "the shell was deleted while the command ran"},
    {2150859173u, WSMAN_FAULT_FULL,
     "too many shells are open there: close some, or raise MaxShellsPerUser (winrm set "
     "winrm/config/winrs)"},
    {2150859174u, WSMAN_FAULT_FULL,
     "too many commands run there: raise MaxConcurrentOperationsPerUser (winrm set "
     "winrm/config/service)"},
    {2150859071u, WSMAN_FAULT_FULL, "too many users have a shell there"},
    {2150858770u, WSMAN_FAULT_OTHER, "the host can't be reached, or WinRM is not set up there"},
    {2150858778u, WSMAN_FAULT_OTHER, "what was asked is not as the host wants it"},
};
#define N_FAULTS (sizeof faults / sizeof faults[0])

const char *wsman_fault_words(uint32_t code)
{
    for (size_t i = 0; i < N_FAULTS; i++) {
        if (faults[i].code == code) {
            return faults[i].words;
        }
    }
    return NULL;
}

enum wsman_fault wsman_fault_kind(uint32_t code)
{
    for (size_t i = 0; i < N_FAULTS; i++) {
        if (faults[i].code == code) {
            return faults[i].kind;
        }
    }
    return WSMAN_FAULT_OTHER;
}
