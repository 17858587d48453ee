<#
.SYNOPSIS
Runs the tests on Windows as Wine has it, and says how many have passed, failed and been skipped, what cannot be shown there, and what is left to Linux.
.DESCRIPTION
On Debian, from packages alone: Wine is Debian's (wine64), .NET and PowerShell for Windows are NuGet's. What `dotnet build` has
compiled runs as it is. Each process has several classes, or one Pester file. Where one does not end, each of
its classes is tried again in a process of its own, so that one that hangs costs nothing but itself.
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
    [int]$Bound = 600,
    # How many run at a time.
    [int]$Processes = [Environment]::ProcessorCount,
    # Only the classes and files with such a name.
    [Parameter(ValueFromRemainingArguments)]
    [string[]]$Name = @()
)

$ErrorActionPreference = 'Stop'
$PSNativeCommandUseErrorActionPreference = $false
$root = [IO.Path]::GetFullPath("$PSScriptRoot/../..")
. "$PSScriptRoot/../ClassResults.ps1"
. "$PSScriptRoot/Wine.ps1"
$results = Join-Path $windows ($Part ? 'part' : 'results')
$version = (Import-PowerShellDataFile -LiteralPath (Join-Path $root 'Qed.psd1')).ModuleVersion
$manifest = Join-Path $root "out/Qed/$version/Qed.psd1"
$environment += "QED_MODULE=$(ConvertTo-WindowsPath $manifest)"
$chosen = Import-PowerShellDataFile -LiteralPath (Join-Path $PSScriptRoot 'Part.psd1')
$left = Import-PowerShellDataFile -LiteralPath (Join-Path $PSScriptRoot 'LeftToLinux.psd1')
$leftNames = @($left.Values | ForEach-Object { $_ })
$programs = [ordered]@{
    'Unit'             = 'Unit/bin/Debug/net10.0/Qed.Core.Tests'
    'Unit.NetStandard' = 'Unit.NetStandard/bin/Debug/net10.0/Qed.Core.NetStandard.Tests'
    'Tool'             = 'Tool/bin/Debug/net10.0/Qed.Tool.Tests'
}
# A start takes about as long as the tests of a class.
$classesInProcess = 8

# A piece of work is one process: which suite it belongs to, what it is called, its classes, and its words.
function New-Work([string]$Suite, [string]$Name, [string[]]$Command, [string[]]$Class = @()) {
    [pscustomobject]@{ Suite = $Suite; Name = $Name; Class = $Class; Command = $Command; Result = "$results/$Suite.$Name"; Text = "$results/$Suite.$Name.txt" }
}

function Get-ClassWork([string]$Suite, [string[]]$Class) {
    $name = $Class.Count -eq 1 ? $Class[0] : "$($Class[0]) to $($Class[-1].Split('.')[-1])"
    $work = New-Work $Suite $name @($wine, "$root/tests/$($programs[$Suite]).exe", '-parallel', 'none', '-noColor') $Class
    $work.Command += $Class | ForEach-Object { '-class', $_ }
    $work.Command += '-xml', (ConvertTo-WindowsPath $work.Result)
    $work
}

function Get-PowerShellWork([string]$Suite, [string]$Name, [string]$File, [string[]]$Argument) {
    $words = @($wine, "$windows/pwsh/pwsh.exe", '-NoProfile', '-NonInteractive', '-File', (ConvertTo-WindowsPath $File)) + $Argument
    # PowerShell for Windows does nothing without a console.
    New-Work $Suite $Name @('script', '-qec', "$($words.ForEach({ "'$_'" }) -join ' ') > '$results/$Suite.$Name.said' 2>&1", '/dev/null')
}

function Get-Work {
    # Long ones first, so that none is waited for at the end.
    foreach ($file in Get-ChildItem -Path "$root/tests/Pester/*.Tests.ps1" | Sort-Object Length -Descending) {
        $base = $file.Name.Replace('.Tests.ps1', '')
        $isWanted = if ($Name) { $base -in $Name } elseif ($Part) { $base -in $chosen.PesterFiles } else { $base -notin $leftNames }
        if (-not $isWanted) { continue }
        $pester = "$HOME/.nuget/packages/pester"
        $pester = (Get-ChildItem -LiteralPath $pester -Directory | Sort-Object { [version]$_.Name } | Select-Object -Last 1).FullName + '/tools'
        Get-PowerShellWork Pester $base "$root/tests/Pester/Run.ps1" @(
            '-Path', (ConvertTo-WindowsPath $file.FullName), '-Pester', (ConvertTo-WindowsPath $pester), '-ResultPath', (ConvertTo-WindowsPath "$results/Pester.$base"))
    }
    foreach ($suite in $programs.Keys) {
        $classes = @(Get-TestClass 'dotnet', 'exec', "$root/tests/$($programs[$suite]).dll" -Name $Name)
        $leftClasses = @(Select-Class $classes $leftNames)
        if ($Part) { $classes = @(Select-Class $classes $chosen.Classes[$suite]) }
        elseif (-not $Name) { $classes = @($classes | Where-Object { $_ -notin $leftClasses }) }
        Split-Class $classes $classesInProcess | ForEach-Object { Get-ClassWork $suite $_ }
    }
    # A release for Windows has the same, but for how it is compiled.
    $command = $Part ? "$root/tests/Tool/bin/Debug/net10.0/qed.exe" : "$root/out/tool/win-x64/qed.exe"
    @(
        Get-PowerShellWork Command Command "$PSScriptRoot/Test-Command.ps1" @('-Command', (ConvertTo-WindowsPath $command), '-Folder', (ConvertTo-WindowsPath $results))
        Get-PowerShellWork Tour Tour "$root/examples/Tour.ps1" @('-Module', (ConvertTo-WindowsPath $manifest))
        Get-PowerShellWork Conversions Conversions "$PSScriptRoot/Convert-Matrix.ps1" @('-Module', (ConvertTo-WindowsPath $manifest), '-Folder', (ConvertTo-WindowsPath "$results/matrix"))
    ) | Where-Object { -not $Name -or $_.Name -in $Name }
}

# Runs pieces of work, several at a time.
function Invoke-Work([object[]]$Work) {
    $Work | ForEach-Object -ThrottleLimit $Processes -Parallel {
        $clock = [Diagnostics.Stopwatch]::StartNew()
        & timeout --kill-after 3 $using:Bound env @using:environment sh -c $using:inShell sh $_.Text @($_.Command)
        [pscustomobject]@{ Work = $_; ExitCode = $LASTEXITCODE; Seconds = $clock.Elapsed.TotalSeconds }
    }
}

# What came of a piece of work.
function Read-Result($Work, [int]$ExitCode, [double]$Seconds) {
    $result = New-Result $Work.Suite $Work.Name $Seconds
    $said = foreach ($file in $Work.Text, "$($Work.Result).said") { if (Test-Path -LiteralPath $file) { (Get-Content -LiteralPath $file -Tail 20) -join "`n" } }
    if ($ExitCode -in 124, 137) {
        $result.Failures = @("$($Work.Name): not done within $Bound seconds")
    }
    elseif ($Work.Suite -in 'Tour', 'Command') {
        # PowerShell ends well, too, where it could do nothing.
        $proof = @{ Tour = '(?s)The same bytes.+True.+Clean'; Command = 'the name came back whole' }[$Work.Suite]
        if ($ExitCode -eq 0 -and "$said" -match $proof) { $result.Passed = 1 } else { $result.Failures = @("$($Work.Suite): exit code ${ExitCode}: $said") }
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
        $result.Failures = @($summary.Failures | ForEach-Object { "$($Work.Name): $_" })
        $result.Skipped = @($summary.Skipped | ForEach-Object { if ($_ -match 'because (.+ under Wine)') { $Matches[1] } else { 'other' } })
    }
    else {
        Add-ClassResult $result $Work.Result
    }
    $result
}

# What is left to another system: why, and how much.
function Show-Left {
    'What is left to Linux:'
    $methods = foreach ($program in $programs.Values) { dotnet exec "$root/tests/$program.dll" -list methods | Where-Object { $_ -match '^Qed\.[\w.]+$' } }
    foreach ($reason in $left.Keys | Sort-Object) {
        $count = @(Select-Class $methods $left[$reason].ForEach({ "$_.*" })).Count
        $files = $left[$reason].ForEach({ "$root/tests/Pester/$_.Tests.ps1" }).Where({ Test-Path -LiteralPath $_ })
        if ($files) { $count += @(Select-String -LiteralPath $files -Pattern '^\s*It ').Count }
        '  {0,4} tests: {1} ({2})' -f $count, $reason, ($left[$reason] -join ', ')
    }
}

if (-not $NoBuild) { dotnet build (Join-Path $root 'Qed.slnx') --verbosity quiet --nologo }
if (-not $Part -and (-not $Name -or 'Command' -in $Name)) { & "$root/build.ps1" Tool win-x64 }
Initialize-Windows
Remove-Item -LiteralPath $results -Recurse -ErrorAction Ignore
$null = New-Item -ItemType Directory -Path $results
$work = @(Get-Work)
if (-not $work) { throw 'There is no such class or file.' }
$ends = @(Invoke-Work $work)
$lost = $ends | Where-Object { $_.Work.Class.Count -gt 1 -and -not (Test-Path -LiteralPath $_.Work.Result) }
if ($lost) {
    $alone = foreach ($piece in $lost.Work) { $piece.Class | ForEach-Object { Get-ClassWork $piece.Suite $_ } }
    $ends = @($ends | Where-Object { $_ -notin $lost }) + @(Invoke-Work $alone)
}
$found = @($ends | ForEach-Object { Read-Result $_.Work $_.ExitCode $_.Seconds } | Sort-Object Suite, Name)
$found.Times | Export-Csv -LiteralPath "$results/seconds.csv"
Show-Result $found 'under Wine'
if (-not $Part -and -not $Name) { Show-Left }
Stop-Windows
if ($found | ForEach-Object { $_.Failures }) { exit 1 }
