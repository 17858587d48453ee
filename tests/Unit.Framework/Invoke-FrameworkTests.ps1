<#
.SYNOPSIS
Runs the unit suite over the engine's netstandard2.0 build on .NET Framework, which Windows PowerShell 5.1 runs on: on Debian, on Mono.
.DESCRIPTION
Each class has a process of its own. What is left out, and why, is in the project file.
#>
[CmdletBinding(PositionalBinding = $false)]
param(
    # Takes the tests as they were built last.
    [switch]$NoBuild,
    # Seconds that each class may take.
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

$command, [string[]]$first = $runtime + $program
$classes = @(& $command @first -list classes | Where-Object { $_ -match '^Qed\.[\w.]+$' } | Where-Object { -not $Name -or $_.Split('.')[-1] -in $Name })
$ends = $classes | ForEach-Object -ThrottleLimit ([Environment]::ProcessorCount) -Parallel {
    $path = "$using:results/$_.xml"
    $process = Start-Process $using:command -PassThru -ArgumentList (@($using:first) + '-class', $_, '-parallel', 'none', '-noColor', '-xml', $path) -RedirectStandardOutput "$using:results/$_.txt" -RedirectStandardError "$using:results/$_.err"
    $null = $process.Handle
    $isDone = $process.WaitForExit(1000 * $using:Bound)
    if (-not $isDone) { $process.Kill($true) }
    [pscustomobject]@{ Name = $_; Path = $path; IsDone = $isDone; ExitCode = $isDone ? $process.ExitCode : $null }
}
$found = foreach ($end in $ends) {
    $result = [pscustomobject]@{ Suite = 'Unit'; Name = $end.Name; Passed = 0; Failures = @(); Skipped = @() }
    if (-not $end.IsDone) { $result.Failures = @("$($end.Name): not done within $Bound seconds") }
    elseif (Test-Path -LiteralPath $end.Path) { Add-ClassResult $result $end.Path }
    else { $result.Failures = @("$($end.Name): ended with $($end.ExitCode) before its tests did") }
    $result
}
Show-Result $found ($IsWindows ? 'on .NET Framework' : 'on Mono')
if ($found | ForEach-Object { $_.Failures }) { exit 1 }
