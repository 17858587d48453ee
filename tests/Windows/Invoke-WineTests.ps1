<#
.SYNOPSIS
Runs the tests on Windows as Wine has it, and says how many have passed, failed and been skipped, and what cannot be shown there.
.DESCRIPTION
On Debian, from packages alone: Wine is Debian's (wine64), .NET and PowerShell for Windows are NuGet's. What `dotnet build` has
compiled runs as it is. Each class and each Pester file has a process of its own, so that one that hangs costs nothing but itself.
docs/windows.md says what has to be set for .NET to run there at all.
.EXAMPLE
./build.ps1 TestWindows
.EXAMPLE
./build.ps1 TestWindows -NoBuild Convert-QedImage LockingTests
Runs only what has such a name, as it was built last.
#>
[CmdletBinding(PositionalBinding = $false)]
param(
    # Only the part that is worth its minutes in every run.
    [switch]$Part,
    # Takes everything as it was built last.
    [switch]$NoBuild,
    # Seconds that each process may take.
    [int]$Bound = 300,
    # Only the classes and files with such a name.
    [Parameter(ValueFromRemainingArguments)]
    [string[]]$Name = @()
)

$ErrorActionPreference = 'Stop'
$PSNativeCommandUseErrorActionPreference = $false
$root = [IO.Path]::GetFullPath("$PSScriptRoot/../..")
$windows = Join-Path $root 'out/windows'
$results = Join-Path $windows ($Part ? 'part' : 'results')
# Debian has it on no path.
$wine = '/usr/lib/wine/wine64'
$version = (Import-PowerShellDataFile -LiteralPath (Join-Path $root 'Qed.psd1')).ModuleVersion
$manifest = Join-Path $root "out/Qed/$version/Qed.psd1"
. "$PSScriptRoot/../ClassResults.ps1"
$chosen = Import-PowerShellDataFile -LiteralPath (Join-Path $PSScriptRoot 'Part.psd1')

# As a program for Windows is told: Z: is the root of this system.
function ConvertTo-WindowsPath([string]$Path) { 'Z:' + $Path.Replace('/', '\') }

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
    'TERM=xterm'
    'NO_COLOR=1'
    'POWERSHELL_TELEMETRY_OPTOUT=1'
    "QED_MODULE=$(ConvertTo-WindowsPath $manifest)"
)

function Initialize-Windows {
    if (-not (Test-Path -LiteralPath $wine)) { throw 'Wine is not installed (Debian packages wine64 and wine).' }
    if (-not $NoBuild) { dotnet build (Join-Path $root 'Qed.slnx') --verbosity quiet --nologo }
    dotnet tool restore --verbosity quiet
    dotnet build "$PSScriptRoot/WindowsRuntime.proj" -restore -target:LayOut --verbosity quiet --nologo
    if ($LASTEXITCODE -ne 0) { throw 'What Windows needs could not be laid out.' }
    $settings = Get-Content -LiteralPath "$windows/pwsh/pwsh.runtimeconfig.json" -Raw | ConvertFrom-Json -AsHashtable
    $settings.runtimeOptions.configProperties['Switch.System.Reflection.ForceEmitInvoke'] = $true
    $settings | ConvertTo-Json -Depth 9 | Set-Content -LiteralPath "$windows/pwsh/pwsh.runtimeconfig.json"
    if (-not (Test-Path -LiteralPath "$windows/prefix/system.reg")) {
        & env @environment $wine wineboot -i *> "$windows/wineboot.log"
        # A new one says that it is Windows 7, on which the runtime fails.
        & env @environment $wine reg add 'HKCU\Software\Wine' /v Version /d win10 /f *>> "$windows/wineboot.log"
    }
    # Beneath the root that both systems see, so that a name which QEMU stores is found again.
    Remove-Item -LiteralPath "$windows/temp" -Recurse -ErrorAction Ignore
    $null = New-Item -ItemType Directory -Path "$windows/temp"
    foreach ($name in 'TEMP', 'TMP') {
        & env @environment $wine reg add 'HKCU\Environment' /v $name /d (ConvertTo-WindowsPath "$windows/temp") /f *>> "$windows/wineboot.log"
    }
    Remove-Item -LiteralPath $results -Recurse -ErrorAction Ignore
    $null = New-Item -ItemType Directory -Path $results
}

# A piece of work is one process: which suite it belongs to, what it is called, and its words.
function New-Work([string]$Suite, [string]$Name, [string[]]$Command, [switch]$OnTerminal) {
    if ($OnTerminal) {
        # PowerShell for Windows does nothing without a console.
        $words = $Command.ForEach({ "'$_'" }) -join ' '
        $Command = 'script', '-qec', "$words > '$results/$Name.txt' 2>&1", '/dev/null'
    }
    [pscustomobject]@{ Suite = $Suite; Name = $Name; Command = $Command; Result = "$results/$Suite.$Name"; Text = "$results/$Name.txt" }
}

function Get-PowerShellWork([string]$Suite, [string]$Name, [string]$File, [string[]]$Argument) {
    New-Work $Suite $Name (@($wine, "$windows/pwsh/pwsh.exe", '-NoProfile', '-NonInteractive', '-File', (ConvertTo-WindowsPath $File)) + $Argument) -OnTerminal
}

function Get-Work {
    foreach ($suite in $chosen.Classes.Keys | Sort-Object) {
        $program = @{ Unit = 'Unit/{0}/Qed.Core.Tests'; 'Unit.NetStandard' = 'Unit.NetStandard/{0}/Qed.Core.NetStandard.Tests'; Tool = 'Tool/{0}/Qed.Tool.Tests' }[$suite]
        $program = Join-Path $root "tests/$($program -f 'bin/Debug/net10.0')"
        foreach ($class in dotnet exec "$program.dll" -list classes | Where-Object { $_ -match '^Qed\.[\w.]+$' }) {
            if ($Part -and -not ($chosen.Classes[$suite] | Where-Object { $class -like "Qed.Tests.$_" })) { continue }
            $work = New-Work $suite $class @($wine, "$program.exe", '-class', $class, '-parallel', 'none', '-noColor')
            $work.Command += '-xml', (ConvertTo-WindowsPath $work.Result)
            $work
        }
    }
    foreach ($file in Get-ChildItem -Path "$root/tests/Pester/*.Tests.ps1") {
        $base = $file.Name.Replace('.Tests.ps1', '')
        if ($Part -and $base -notin $chosen.PesterFiles) { continue }
        $pester = "$HOME/.nuget/packages/pester"
        $pester = (Get-ChildItem -LiteralPath $pester -Directory | Sort-Object { [version]$_.Name } | Select-Object -Last 1).FullName + '/tools'
        Get-PowerShellWork Pester $base "$root/tests/Pester/Run.ps1" @(
            '-Path', (ConvertTo-WindowsPath $file.FullName), '-Pester', (ConvertTo-WindowsPath $pester), '-ResultPath', (ConvertTo-WindowsPath "$results/Pester.$base"))
    }
    $command = "$root/tests/Tool/bin/Debug/net10.0/qed.exe"
    if (-not $Part) {
        # What a release for Windows has, but for how it is compiled.
        & "$root/build.ps1" Tool win-x64 | Out-Null
        $command = "$root/out/tool/win-x64/qed.exe"
    }
    Get-PowerShellWork Command Command "$PSScriptRoot/Test-Command.ps1" @('-Command', (ConvertTo-WindowsPath $command), '-Folder', (ConvertTo-WindowsPath $results))
    Get-PowerShellWork Tour Tour "$root/examples/Tour.ps1" @('-Module', (ConvertTo-WindowsPath $manifest))
    Get-PowerShellWork Conversions Conversions "$PSScriptRoot/Convert-Matrix.ps1" @('-Module', (ConvertTo-WindowsPath $manifest), '-Folder', (ConvertTo-WindowsPath "$results/matrix"))
}

# What came of a piece of work: counts, failures in words, and why each skipped test was.
function Read-Result($Work, [int]$ExitCode, [double]$Seconds) {
    $result = [pscustomobject]@{ Suite = $Work.Suite; Name = $Work.Name; Passed = 0; Failures = @(); Skipped = @(); Seconds = $Seconds }
    $said = if (Test-Path -LiteralPath $Work.Text) { (Get-Content -LiteralPath $Work.Text -Tail 20) -join "`n" }
    if ($ExitCode -in 124, 137) {
        $result.Failures = @("$($Work.Name): not done within $Bound seconds")
    }
    elseif ($Work.Suite -in 'Tour', 'Command') {
        # PowerShell ends well, too, where it could do nothing.
        $proof = @{ Tour = '(?s)The same bytes.+True.+Clean'; Command = 'the name came back whole' }[$Work.Suite]
        if ($ExitCode -eq 0 -and $said -match $proof) { $result.Passed = 1 } else { $result.Failures = @("$($Work.Suite): exit code ${ExitCode}: $said") }
    }
    elseif ($Work.Suite -eq 'Conversions') {
        $found = & "$PSScriptRoot/Compare-Matrix.ps1" -Folder "$results/matrix"
        $result.Passed = $found.Same
        $result.Failures = @($found.Different) + @(if ($ExitCode -ne 0) { "Conversions: exit code ${ExitCode}: $said" })
    }
    elseif (-not (Test-Path -LiteralPath $Work.Result)) {
        $result.Failures = @("$($Work.Name): ended with $ExitCode before its tests did: $said")
    }
    elseif ($Work.Suite -eq 'Pester') {
        $summary = Get-Content -LiteralPath $Work.Result -Raw | ConvertFrom-Json
        $result.Passed = $summary.Passed
        $result.Failures = @($summary.Failures)
        $result.Skipped = @($summary.Skipped | ForEach-Object { if ($_ -match 'because (.+ under Wine)') { $Matches[1] } else { 'other' } })
    }
    else {
        Add-ClassResult $result $Work.Result
    }
    $result
}

Initialize-Windows
$work = @(Get-Work | Where-Object { -not $Name -or $_.Name -in $Name -or $_.Name.Split('.')[-1] -in $Name })
if (-not $work) { throw 'There is no such class or file.' }
$ends = $work | ForEach-Object -ThrottleLimit ([Environment]::ProcessorCount) -Parallel {
    $clock = [Diagnostics.Stopwatch]::StartNew()
    $null | & timeout --kill-after 3 $using:Bound env @using:environment @($_.Command) *> $_.Text
    [pscustomobject]@{ Work = $_; ExitCode = $LASTEXITCODE; Seconds = $clock.Elapsed.TotalSeconds }
}
$found = @($ends | ForEach-Object { Read-Result $_.Work $_.ExitCode $_.Seconds })
$found | Select-Object Suite, Name, Seconds, Passed | Export-Csv -LiteralPath "$results/seconds.csv"
Show-Result $found 'under Wine'
# Its processes serve this prefix alone.
& env @environment /usr/lib/wine/wineserver64 -k
if ($found | ForEach-Object { $_.Failures }) { exit 1 }
