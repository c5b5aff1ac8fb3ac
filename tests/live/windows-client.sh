#!/bin/bash
# The WinRM server of tests/windows, asked by a client that shares nothing with Baton: python3-winrm.
set -u
build=${1:-${BATON_BUILD:-build/gcc}}
lab=$build/tests/windows/windows_lab
[ -x "$lab" ] || { echo "skipped: there is no $lab (tests/windows/fetch)"; exit 77; }
/usr/bin/python3 -c 'import winrm' 2>/dev/null || { echo "skipped: there is no python3-winrm"; exit 77; }
work=$(mktemp -d "${TMPDIR:-/tmp}/windows-XXXXXX") || exit 1
trap 'rm -rf "$work"' EXIT
openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 2 -subj /CN=server01 \
    -addext subjectAltName=DNS:localhost,IP:127.0.0.1 -keyout "$work/key.pem" -out "$work/cert.pem" 2>/dev/null
echo 'pa ss"w' >"$work/password"

timeout 60 /usr/bin/python3 - "$lab" "$work" <<'END'
import base64, subprocess, sys, urllib.request
import winrm
from winrm.exceptions import InvalidCredentialsError, WinRMTransportError, WinRMError

lab, work = sys.argv[1:]
server = subprocess.Popen(
    [lab, "--cert", work + "/cert.pem", "--key", work + "/key.pem", "--user", "baton",
     "--password-file", work + "/password", "--host", "server01=127.0.0.1:0",
     "--host", "server02=127.0.0.1:0", "--control", "127.0.0.1:0"],
    stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
port = {}
for line in server.stdout:
    if line == "ready\n":
        break
    name, _, number = line.split()
    port[name] = int(number)

passed = failed = 0

def check(what, is_so, seen=""):
    global passed, failed
    passed, failed = passed + bool(is_so), failed + (not is_so)
    if not is_so:
        print("FAILED", what, seen)

def session(host="server01", password='pa ss"w', **more):
    return winrm.Session("https://127.0.0.1:%d/wsman" % port[host], auth=("baton", password), transport="basic",
                         **{"server_cert_validation": "validate", "ca_trust_path": work + "/cert.pem", **more})

def lua(chunk):
    return urllib.request.urlopen("http://127.0.0.1:%d/" % port["control"], data=chunk.encode()).read().decode().strip()

def powershell(script, host="server01"):
    text = base64.b64encode(script.encode("utf_16_le")).decode()
    return session(host).run_cmd("powershell", ["-encodedcommand", text])

result = session().run_cmd("hostname")
check("a command says", result.std_out == b"server01\r\n" and result.status_code == 0, result.std_out)
result = session("server02").run_cmd("fail", ["7"])
check("an exit code and errors", (result.status_code, result.std_err) == (7, b"it went wrong\r\n"), result.std_err)
result = powershell("Write-Output 'h\u00e4ll\u00f6 \u2603'")
check("what is not ASCII", result.std_out.decode() == "h\u00e4ll\u00f6 \u2603\r\n", result.std_out)
result = powershell("Get-Nothing")
check("an unknown cmdlet", result.status_code == 1 and b"not recognized" in result.std_err, result.std_err)
result = powershell("Stop-Service -Name MailService; (Get-Service MailService).Status")
check("a service stops", result.std_out == b"Stopped\r\n", result.std_out)
result = powershell("Stop-WebAppPool SmarterMail; Stop-WebAppPool SmarterMail")
check("a pool that is stopped complains", b"already in the stopped state" in result.std_err, result.std_err)
result = powershell("$n = Get-NlbClusterNode -NodeName server01; $n | Stop-NlbClusterNode | Out-Null; "
                    "if ((Get-NlbClusterNode -NodeName server01).State -eq 'Stopped') { exit 4 }")
check("an NLB node stops, and a script ends as it says", result.status_code == 4, result.std_err)
check("what happened is written down", "service MailService Stopped" in lua("return table.concat(lab.log, ';')"))
for password, wanted in (("wrong", InvalidCredentialsError),):
    try:
        session(password=password).run_cmd("hostname")
        check("a wrong password is refused", False)
    except wanted:
        check("a wrong password is refused", True)
try:
    session(ca_trust_path="/etc/ssl/certs/ca-certificates.crt").run_cmd("hostname")
    check("an unknown certificate is refused", False)
except Exception as error:
    check("an unknown certificate is refused", "certificate" in str(error), error)
try:
    session().run_cmd("x" * 9000)
    check("a line that is too long is a fault", False)
except (WinRMError, WinRMTransportError):
    check("a line that is too long is a fault", True)
check("nothing is left open on server02", lua("return lab.counts 'server02'") == "0 shells, 0 commands",
      lua("return lab.counts 'server02'"))
server.stdin.close()
check("the server ends with its standard input", server.wait(10) == 0)
print("%d passed, %d failed" % (passed, failed))
sys.exit(failed > 0)
END
