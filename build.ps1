#!/usr/bin/env pwsh
<#
.SYNOPSIS
Builds, tests, shows, measures and publishes Qed.
.DESCRIPTION
Build    assembles the importable module in out/Qed/<version>
Test     runs every test: dotnet test
TestWindows  runs the suites on Windows as Wine has it, on Debian: see docs/windows.md
TestFramework  runs the unit suite on .NET Framework, on Debian: on Mono
Demo     builds, imports the module and runs the tour on images that it makes itself
Tool     publishes the command qed as one file in out/tool/<system>, and packs that into out/packages: ./build.ps1 Tool linux-arm64
Help     brings docs/cmdlets and the help file up to the module: see docs/Update-CmdletHelp.ps1
Package  builds and packs the module, the engine Qed.Core and the .NET tool Qed.Tool into out/packages
Publish  packs, and sends the module to a repository: ./build.ps1 Publish -Repository PSGallery -ApiKey <key>
Guest    lets a Debian guest work on a served disk in QEMU, and kills the server under it; needs apt-get, qemu-system-x86 and busybox-static
Fleet    tries and measures examples/Invoke-QedFleet.ps1 on four hosts of this machine: see docs/fleet.md
Fuzz     tries hostile files of every format, -Count of them, and tells which promise did not hold: see docs/reliability.md
Soak     works on chains of images at random, by several processes and for -Minutes, and tells whether all reads as it should: see docs/reliability.md
Bench    measures ours and the peers side by side; rows can be named: ./build.ps1 Bench check convert
Torture  crashes images as often, or as long, as is said, and prints seed and counts: ./build.ps1 Torture 5000000; ./build.ps1 Torture 2h 17
.EXAMPLE
./build.ps1 Demo
.EXAMPLE
./build.ps1 Publish -Repository PSGallery -ApiKey $env:GALLERY_KEY -WhatIf
Packs, and says what would be published.
#>
[CmdletBinding(SupportsShouldProcess)]
param(
    [Parameter(Position = 0)]
    [ValidateSet('Build', 'Test', 'TestWindows', 'TestFramework', 'Demo', 'Tool', 'Guest', 'Fleet', 'Fuzz', 'Soak', 'Bench', 'Torture', 'Help', 'Package', 'Publish')]
    [string]$Task = 'Build',

    # Where Publish sends the module: the name of a repository that Register-PSResourceRepository made known.
    [string]$Repository,

    # What lets it in there.
    [string]$ApiKey,

    # Help, Package, Publish and the tests on Windows take everything as the last build left it, and make no other packages.
    [switch]$NoBuild,

    # How many cases Fuzz tries, and which: the same number tries the same ones.
    [long]$Count = 100000,
    [int]$Seed = [Environment]::TickCount -band 0xffff,

    # How long Soak goes on.
    [int]$Minutes = 60,

    # What the task is to be told besides.
    [Parameter(ValueFromRemainingArguments)]
    [string[]]$Argument = @()
)

$ErrorActionPreference = 'Stop'
# What fails outside of PowerShell ends the task, too.
$PSNativeCommandUseErrorActionPreference = $true
$root = $PSScriptRoot
$version = (Import-PowerShellDataFile -LiteralPath (Join-Path $root 'Qed.psd1')).ModuleVersion
$module = Join-Path $root "out/Qed/$version"
$packages = Join-Path $root 'out/packages'

function Invoke-Build {
    dotnet build (Join-Path $root 'src/Qed.PowerShell') --configuration Release --verbosity quiet --nologo
    "The module is in $module."
}

function Invoke-Guest {
    <# Fetches the kernel that Debian has for guests, once, and runs the test that skips without it. #>
    $folder = Join-Path $root 'out/guest'
    if (-not (Test-Path -LiteralPath "$folder/boot")) {
        $null = New-Item -ItemType Directory -Path $folder -Force
        $kernel = (apt-cache depends linux-image-cloud-amd64) -match 'Depends:' -replace '.*Depends: ' | Select-Object -First 1
        Push-Location -LiteralPath $folder
        try {
            apt-get download $kernel
            dpkg-deb --extract (Get-Item -Path 'linux-image-*.deb').FullName $folder
        }
        finally {
            Pop-Location
        }
    }
    $env:QED_GUEST = $folder
    dotnet test (Join-Path $root 'tests/Tool') --nologo --filter FullyQualifiedName~GuestTests
}

function Invoke-Tool([string]$Runtime = [Runtime.InteropServices.RuntimeInformation]::RuntimeIdentifier) {
    $folder = Join-Path $root "out/tool/$Runtime"
    dotnet publish (Join-Path $root 'src/Qed.Tool') --configuration Release --runtime $Runtime --output $folder --verbosity quiet --nologo
    $archive = Join-Path $packages "qed-$version-$Runtime"
    $files = @(Get-ChildItem -LiteralPath $folder -File) + (Get-Item (Join-Path $root 'LICENSE'), (Join-Path $root 'THIRD-PARTY-NOTICES.txt'))
    $null = New-Item -ItemType Directory -Path $packages -Force
    if ($Runtime.StartsWith('win')) {
        Compress-Archive -LiteralPath $files.FullName -DestinationPath "$archive.zip" -Force
    }
    else {
        # Keeps the mark that it can be run.
        tar -czf "$archive.tar.gz" ($files | ForEach-Object { '-C', $_.DirectoryName, $_.Name })
    }
    "The command is in $folder, packed in $packages."
}

function Invoke-Package {
    $null = New-Item -ItemType Directory -Path $packages -Force -WhatIf:$false
    if (-not $NoBuild) {
        Invoke-Build
        foreach ($project in 'src/Qed.Core', 'src/Qed.Tool') {
            dotnet pack (Join-Path $root $project) --configuration Release --output $packages --verbosity quiet --nologo
        }
    }
    # What is there of this version was packed before; nothing but this writes to the folder.
    Remove-Item -LiteralPath (Join-Path $packages "Qed.$version.nupkg") -ErrorAction Ignore -WhatIf:$false
    Compress-PSResource -Path $module -DestinationPath $packages -WhatIf:$false
    "The packages are in $packages."
}

function Invoke-Publish {
    [CmdletBinding(SupportsShouldProcess)]
    [OutputType([string])]
    param([string]$Repository, [string]$ApiKey)

    if (-not $Repository) { throw 'Name the repository to publish to with -Repository, for example PSGallery.' }
    Invoke-Package
    $key = if ($ApiKey) { @{ ApiKey = $ApiKey } } else { @{} }
    if ($PSCmdlet.ShouldProcess($Repository, "Publish Qed $version")) {
        Publish-PSResource -NupkgPath (Join-Path $packages "Qed.$version.nupkg") -Repository $Repository @key
        "Qed $version is in $Repository."
    }
}

# A number of states, or a time as 30m or 2h; and a seed.
function Invoke-Torture([string]$Wanted, [string]$Seed) {
    $env:QED_TORTURE = $Wanted
    $env:QED_TORTURE_SEED = $Seed
    try {
        dotnet run --configuration Release --project (Join-Path $root 'tests/Unit') -- -explicit only -class Qed.Tests.Crashes.CrashTortureTests -showLiveOutput
    }
    finally {
        $env:QED_TORTURE = $env:QED_TORTURE_SEED = $null
    }
}

switch ($Task) {
    'Build' { Invoke-Build }
    'Test' { dotnet test (Join-Path $root 'Qed.slnx') @Argument }
    'TestWindows' { & (Join-Path $root 'tests/Windows/Invoke-WineTests.ps1') -NoBuild:$NoBuild @Argument }
    'TestFramework' { & (Join-Path $root 'tests/Unit.Framework/Invoke-FrameworkTests.ps1') -NoBuild:$NoBuild @Argument }
    'Demo' { Invoke-Build; & (Join-Path $root 'examples/Tour.ps1') -Module (Join-Path $module 'Qed.psd1') }
    'Tool' { Invoke-Tool @Argument }
    'Help' { if (-not $NoBuild) { Invoke-Build }; & (Join-Path $root 'docs/Update-CmdletHelp.ps1') -Module (Join-Path $module 'Qed.psd1') }
    'Package' { Invoke-Package }
    'Publish' { Invoke-Publish -Repository $Repository -ApiKey $ApiKey }
    'Guest' { Invoke-Guest }
    'Fleet' { Invoke-Build; & (Join-Path $root 'tests/Fleet/Measure-Fleet.ps1') -Module (Join-Path $module 'Qed.psd1') }
    'Fuzz' { dotnet run --configuration Release --project (Join-Path $root 'tests/Fuzz') -- --count $Count --seed $Seed --keep (Join-Path $root "out/fuzz/$Seed") @Argument }
    'Torture' { Invoke-Torture @Argument }
    'Soak' { dotnet run --configuration Release --project (Join-Path $root 'tests/Soak') -- $Minutes $Seed }
    'Bench' { Invoke-Build; dotnet run --configuration Release --project (Join-Path $root 'bench/Qed.Benchmarks') -- @Argument }
}
