#!/usr/bin/env pwsh
<#
.SYNOPSIS
Builds, tests, shows and measures Qed.
.DESCRIPTION
Build  assembles the importable module in out/Qed/<version>
Test   runs every test: dotnet test
Demo   builds, imports the module and runs the tour on images that it makes itself
Tool   publishes the command qed as one file in out/tool/<system> and packs it as a .NET tool: ./build.ps1 Tool linux-arm64
Bench  measures ours and the peers side by side; rows can be named: ./build.ps1 Bench check convert
.EXAMPLE
./build.ps1 Demo
#>
param(
    [ValidateSet('Build', 'Test', 'Demo', 'Tool', 'Bench')]
    [string]$Task = 'Build',

    # What the task is to be told besides.
    [Parameter(ValueFromRemainingArguments)]
    [string[]]$Argument = @()
)

$ErrorActionPreference = 'Stop'
$root = $PSScriptRoot
# The manifest picks a build by edition, which Import-PowerShellDataFile does not evaluate.
$version = (Select-String -LiteralPath (Join-Path $root 'Qed.psd1') -Pattern "ModuleVersion\s*=\s*'(.+)'").Matches[0].Groups[1].Value
$module = Join-Path $root "out/Qed/$version/Qed.psd1"

function Invoke-Dotnet {
    & dotnet @args
    if ($LASTEXITCODE -ne 0) { throw "dotnet $($args[0]) failed." }
}

function Invoke-Build {
    Invoke-Dotnet build (Join-Path $root 'src/Qed.PowerShell') --configuration Release --verbosity quiet --nologo
    Write-Host "The module is in $(Split-Path $module)."
}

function Invoke-Tool([string]$Runtime = [Runtime.InteropServices.RuntimeInformation]::RuntimeIdentifier) {
    $project = Join-Path $root 'src/Qed.Tool'
    Invoke-Dotnet publish $project --configuration Release --runtime $Runtime --output (Join-Path $root "out/tool/$Runtime") --verbosity quiet --nologo
    Invoke-Dotnet pack $project --configuration Release --output (Join-Path $root 'out') --verbosity quiet --nologo
    Write-Host "The command is in out/tool/$Runtime, its package in out."
}

switch ($Task) {
    'Build' { Invoke-Build }
    'Test' { Invoke-Dotnet test (Join-Path $root 'Qed.slnx') @Argument }
    'Demo' { Invoke-Build; & (Join-Path $root 'examples/Tour.ps1') -Module $module }
    'Tool' { Invoke-Tool @Argument }
    'Bench' { Invoke-Build; Invoke-Dotnet run --configuration Release --project (Join-Path $root 'bench/Qed.Benchmarks') -- @Argument }
}
