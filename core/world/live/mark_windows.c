/* A constant script: what it is about comes on standard input, as base64 of UTF-8, so that
 * no code page and no quoting is in the way.
 *
 * What it promises is what mark.c's script for a shell promises. A file that nobody else may open
 * is the lock. The new mark is on the disk (FlushFileBuffers) before it takes the old one's
 * place, and once more after that, so that its name is there, too. ReplaceFile can fail between the
 * two names it changes; then only the new file is there, which is whole, and counts. A new file
 * that is no mark was never in place: its writer died, and told nobody that it was written.
 *
 * The directory is for SYSTEM, administrators and its owner: all users may make files below
 * C:\ProgramData. */
#include "world/live/mark_windows.h"

#include "base/base64.h"
#include "wsman/wsman.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char script[] =
    "$ProgressPreference = 'SilentlyContinue'; $ErrorActionPreference = 'Stop'\n"
    "try {\n"
    "$text = [Convert]::FromBase64String([Console]::In.ReadToEnd())\n"
    "$asked = [Text.Encoding]::UTF8.GetString($text).Split(\"`n\")\n"
    "$dir = $asked[0]; $path = $dir + '\\' + $asked[1]; $new = $path + '.new'\n"
    "$epoch = [int64]$asked[2]; $token = $asked[3]\n"
    "if (-not [IO.Directory]::Exists($dir)) {\n"
    "    if ($epoch -eq 0) { [Console]::Out.Write('0 0'); exit 0 }\n"
    "    $acl = New-Object Security.AccessControl.DirectorySecurity\n"
    "    $acl.SetSecurityDescriptorSddlForm("
    "'D:P(A;OICI;FA;;;SY)(A;OICI;FA;;;BA)(A;OICI;FA;;;OW)')\n"
    "    [IO.Directory]::CreateDirectory($dir, $acl) | Out-Null\n"
    "}\n"
    "$lock = $null; $tries = 0\n"
    "while ($lock -eq $null) {\n"
    "    try { $lock = [IO.File]::Open($path + '.lock', 'OpenOrCreate', 'ReadWrite', 'None') }\n"
    "    catch {\n"
    "        $tries = $tries + 1\n"
    "        if ($tries -gt 20) { throw $_.Exception.Message }\n"
    "        Start-Sleep -Milliseconds 100\n"
    "    }\n"
    "}\n"
    "$form = '^[0-9]{1,18} [0-9a-f]{16}$'; $said = '0 0'; $placed = [IO.File]::Exists($path)\n"
    "if ($placed) {\n"
    "    $said = [IO.File]::ReadAllText($path).Trim()\n"
    "    if ($said -cnotmatch $form) { throw ($path + ' holds no mark') }\n"
    "} elseif ([IO.File]::Exists($new)) {\n"
    "    $left = [IO.File]::ReadAllText($new).Trim()\n"
    "    if ($left -cmatch $form) { $said = $left }\n"
    "}\n"
    "if ($epoch -eq 0) { [Console]::Out.Write($said); exit 0 }\n"
    "$was = $said.Split(' '); $last = [int64]$was[0]\n"
    "if (($last -gt $epoch) -or (($last -eq $epoch) -and ($was[1] -cne $token))) {\n"
    "    [Console]::Out.Write($said); exit 3\n"
    "}\n"
    "$said = $asked[2] + ' ' + $token\n"
    "if ((-not $placed) -or ($last -ne $epoch)) {\n"
    "    $bytes = [Text.Encoding]::ASCII.GetBytes($said)\n"
    "    $file = [IO.File]::Open($new, 'Create', 'Write', 'None')\n"
    "    $file.Write($bytes, 0, $bytes.Length); $file.Flush($true); $file.Dispose()\n"
    "    if ($placed) { [IO.File]::Replace($new, $path, [NullString]::Value) }\n"
    "    else { [IO.File]::Move($new, $path) }\n"
    "    $file = [IO.File]::Open($path, 'Open', 'ReadWrite', 'None')\n"
    "    $file.Flush($true); $file.Dispose()\n"
    "}\n"
    "[Console]::Out.Write($said)\n"
    "} catch { [Console]::Error.WriteLine($_.Exception.Message); exit 9 }\n";

char *mark_windows_command(void)
{
    return wsman_encoded(script);
}

char *mark_windows_input(const char *directory, const char *file, int64_t epoch, const char *token)
{
    size_t size = strlen(directory) + strlen(file) + strlen(token) + 32;
    char *text = malloc(size), *coded = NULL;

    if (text != NULL) {
        snprintf(text, size, "%s\n%s\n%" PRId64 "\n%s", directory, file, epoch, token);
        coded = base64_encode(text, strlen(text));
    }
    free(text);
    return coded;
}
