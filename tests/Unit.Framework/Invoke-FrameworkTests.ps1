<#
.SYNOPSIS
Runs the unit suite over the engine's netstandard2.0 build on .NET Framework, which Windows PowerShell 5.1 runs on: on Debian, on Mono.
.DESCRIPTION
Two processes run at a time, of several classes each; where one does not end, each of its classes is tried again in one of its own.
What is left out, and why, is in the project file.
#>
[CmdletBinding(PositionalBinding = $false)]
param(
    # Takes the tests as they were built last.
    [switch]$NoBuild,
    # Seconds that each process may take.
    [int]$Bound = 300,
    # Only the classes with such a name.
    [Parameter(ValueFromRemainingArguments)]
    [string[]]$Name = @()
)

$ErrorActionPreference = 'Stop'
$PSNativeCommandUseErrorActionPreference = $false
. "$PSScriptRoot/../ClassResults.ps1"
if (-not $IsWindows -and -not (Get-Command mono -ErrorAction Ignore)) { throw 'Mono is not installed (Debian package mono-complete).' }
if (-not $NoBuild) { dotnet build $PSScriptRoot --verbosity quiet --nologo }
$runtime = $IsWindows ? @() : @('mono')
$program = "$PSScriptRoot/bin/Debug/net472/Qed.Core.NetStandard.Tests.exe"
$results = Join-Path $PSScriptRoot 'bin/results'
Remove-Item -LiteralPath $results -Recurse -ErrorAction Ignore
$null = New-Item -ItemType Directory -Path $results

$classes = @(Get-TestClass ($runtime + $program) -Name $Name)
if (-not $classes) { throw 'There is no such class.' }

# Runs lists of classes, two at a time, each in a process of its own.
function Invoke-Class([string[][]]$List) {
    $command, [string[]]$first = $runtime + $program
    $List | ForEach-Object -ThrottleLimit ([Environment]::ProcessorCount) -Parallel {
        $path = "$using:results/$($_[0])"
        $words = @($using:first) + '-parallel', 'none', '-noColor', '-xml', "$path.xml" + $_.ForEach({ '-class', $_ })
        $clock = [Diagnostics.Stopwatch]::StartNew()
        $process = Start-Process $using:command -PassThru -ArgumentList $words -RedirectStandardOutput "$path.txt" -RedirectStandardError "$path.err"
        $null = $process.Handle
        $isDone = $process.WaitForExit(1000 * $using:Bound)
        if (-not $isDone) { $process.Kill($true) }
        [pscustomobject]@{ Class = $_; Path = "$path.xml"; IsDone = $isDone; ExitCode = $isDone ? $process.ExitCode : $null; Seconds = $clock.Elapsed.TotalSeconds }
    }
}

$ends = @(Invoke-Class @(Split-Class $classes 8))
$lost = $ends | Where-Object { $_.Class.Count -gt 1 -and -not (Test-Path -LiteralPath $_.Path) }
if ($lost) { $ends = @($ends | Where-Object { $_ -notin $lost }) + @(Invoke-Class @($lost.Class | ForEach-Object { , @($_) })) }
$found = foreach ($end in $ends) {
    $result = New-Result 'Unit' $end.Class[0] $end.Seconds
    if (-not $end.IsDone) { $result.Failures = @("$($end.Class): not done within $Bound seconds") }
    elseif (Test-Path -LiteralPath $end.Path) { Add-ClassResult $result $end.Path }
    else { $result.Failures = @("$($end.Class): ended with $($end.ExitCode) before its tests did") }
    $result
}
$found.Times | Export-Csv -LiteralPath "$results/seconds.csv"
Show-Result $found ($IsWindows ? 'on .NET Framework' : 'on Mono')
if ($found | ForEach-Object { $_.Failures }) { exit 1 }
