<#
.SYNOPSIS
Converts a disk into each format, and each of those into every other one: 42 conversions, for Compare-Matrix.ps1 to look at.
#>
param(
    # The module's manifest.
    [Parameter(Mandatory)] [string]$Module,
    # Gets the images: <source>-<target>.<target>.
    [Parameter(Mandatory)] [string]$Folder
)

$ErrorActionPreference = 'Stop'
Import-Module $Module
$formats = 'qcow2', 'qed', 'raw', 'vdi', 'vhd', 'vhdx', 'vmdk'
$null = New-Item -ItemType Directory -Path $Folder -Force

# Data, nothing, data in the middle of a cluster, and a last sector.
$bytes = [byte[]]::new(6MB + 512)
[Random]::new(1).NextBytes($bytes)
[Array]::Clear($bytes, 1MB, 2MB + 12345)
[Array]::Clear($bytes, 5MB, 1MB)
[IO.File]::WriteAllBytes("$Folder/disk.raw", $bytes)

foreach ($source in $formats) {
    Convert-QedImage -LiteralPath "$Folder/disk.raw" -DestinationPath "$Folder/disk-$source.$source" -SourceFormat raw -Format $source
    foreach ($target in $formats -ne $source) {
        Convert-QedImage -LiteralPath "$Folder/disk-$source.$source" -DestinationPath "$Folder/$source-$target.$target" -SourceFormat $source -Format $target
    }
}
