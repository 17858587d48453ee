# Dot-sourced by what runs the suites under Wine: Windows on Debian, from packages alone. docs/windows.md says why what is set here is set.

$windows = Join-Path $root 'out/windows'
# Debian has it on no path.
$wine = '/usr/lib/wine/wine64'

function ConvertTo-WindowsPath([string]$Path) {
    <# As a program for Windows is told: Z: is the root of this system. #>
    'Z:' + $Path.Replace('/', '\')
}

# What every process is started with.
$environment = @(
    "WINEPREFIX=$windows/prefix"
    'WINEARCH=win64'
    'WINEDEBUG=-all'
    # Asks for no browser, and makes no menus.
    'WINEDLLOVERRIDES=mshtml=;winemenubuilder.exe=d'
    # Else the runtime fails in a finalizer of code that it has made.
    'DOTNET_EnableWriteXorExecute=0'
    "DOTNET_ROOT=$(ConvertTo-WindowsPath "$windows/dotnet")"
    # Wine has no such pages as Windows' collector watches for writes, but fakes them at great cost.
    'DOTNET_gcConcurrent=0'
    # No process lives long enough to earn the measuring of its code.
    'DOTNET_TieredPGO=0'
    'TERM=xterm'
    'NO_COLOR=1'
    'POWERSHELL_TELEMETRY_OPTOUT=1'
)

function Initialize-Windows {
    <# Lays out .NET and PowerShell, makes the registry, and empties the folder for temporary files. #>
    if (-not (Test-Path -LiteralPath $wine)) { throw 'Wine is not installed (Debian packages wine64 and wine).' }
    dotnet tool restore --verbosity quiet
    dotnet build "$PSScriptRoot/WindowsRuntime.proj" -restore -target:LayOut --verbosity quiet --nologo
    if ($LASTEXITCODE -ne 0) { throw 'What Windows needs could not be laid out.' }
    $settings = Get-Content -LiteralPath "$windows/pwsh/pwsh.runtimeconfig.json" -Raw | ConvertFrom-Json -AsHashtable
    $settings.runtimeOptions.configProperties['Switch.System.Reflection.ForceEmitInvoke'] = $true
    $settings | ConvertTo-Json -Depth 9 | Set-Content -LiteralPath "$windows/pwsh/pwsh.runtimeconfig.json"
    if (-not (Test-Path -LiteralPath "$windows/prefix/system.reg")) {
        Invoke-Wine wineboot -i
        # A new one says that it is Windows 7, on which the runtime fails.
        Invoke-Wine reg add 'HKCU\Software\Wine' /v Version /d win10 /f
    }
    # Beneath the root that both systems see, so that a name which QEMU stores is found again.
    Remove-Item -LiteralPath "$windows/temp" -Recurse -ErrorAction Ignore
    $null = New-Item -ItemType Directory -Path "$windows/temp"
    foreach ($name in 'TEMP', 'TMP') {
        Invoke-Wine reg add 'HKCU\Environment' /v $name /d (ConvertTo-WindowsPath "$windows/temp") /f
    }
}

# Runs a program in a shell, and keeps what it says in a file. Through a pipe the one that started Windows would seem to run until all have
# ended, as Windows' services keep its end of the pipe.
$inShell = 'said=$1; shift; exec "$@" </dev/null >"$said" 2>&1'

function Invoke-Wine {
    & env @environment sh -c $inShell sh "$windows/wineboot.log" $wine @args
}

function Stop-Windows {
    <# Its processes serve this registry alone. #>
    & env @environment /usr/lib/wine/wineserver64 -k
}
