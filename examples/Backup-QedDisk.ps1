<#
.SYNOPSIS
Lets a backup tool read a disk image of any format as a raw disk, reading only what is allocated.
.DESCRIPTION
The image, with its backing files, is served for reading, and a tool that speaks NBD gets its address: nbdcopy where nothing
else is said. Such tools ask which parts of the disk have data (base:allocation) and read no others, so that a thin disk takes
no longer than what is on it. When the tool has ended the server does, too, whatever has happened.

A disk that a machine is using is not served: have the machine's own hypervisor export it, or shut it down.
.PARAMETER Path
The image, by literal path.
.PARAMETER DestinationPath
What the tool is to write: with nbdcopy a raw file, with holes where the disk has no data.
.PARAMETER Tool
The tool: a script block that gets the disk's address and the destination. It fails by an error, or by the exit code of its last program.
.PARAMETER Verify
Compares the destination, a raw file, with what the image holds.
.PARAMETER Module
The module's manifest; the installed module otherwise.
.OUTPUTS
What was done: the disk's size, how many bytes the tool has read, in how many requests, and whether the copy was compared.
.EXAMPLE
./Backup-QedDisk.ps1 /srv/images/server.vhdx /backup/server.raw -Verify
Copies with nbdcopy and compares.
.EXAMPLE
./Backup-QedDisk.ps1 /srv/images/server.qed /backup/server.qcow2 -Tool { param($Address, $Destination) qemu-img convert -c -O qcow2 $Address $Destination }
The same with qemu-img, compressed.
.EXAMPLE
./Backup-QedDisk.ps1 /srv/images/server.qed /mnt/restic -Tool { param($Address, $Destination) nbdcopy $Address - | restic -r $Destination backup --stdin }
Into a repository that takes a stream, which has the zeroes, too (PowerShell 7.4 passes bytes on as they are).
#>
[CmdletBinding(SupportsShouldProcess)]
param(
    [Parameter(Mandatory, Position = 0)] [ValidateNotNullOrEmpty()] [string]$Path,
    [Parameter(Mandatory, Position = 1)] [ValidateNotNullOrEmpty()] [string]$DestinationPath,
    [scriptblock]$Tool = { param($Address, $Destination) nbdcopy $Address $Destination },
    [switch]$Verify,
    [string]$Module = 'Qed'
)

$ErrorActionPreference = 'Stop'
Import-Module $Module
if (-not $PSCmdlet.ShouldProcess($Path, "Back up to '$DestinationPath'")) { return }

$target = $PSCmdlet.GetUnresolvedProviderPathFromPSPath($DestinationPath)
# nbdcopy has several connections.
$server = Start-QedServer -LiteralPath $Path -ReadOnly -MaximumClients 16 -Confirm:$false
try {
    $global:LASTEXITCODE = 0
    & $Tool $server.Address $target | Out-Host
    if ($LASTEXITCODE) { throw "The backup tool has ended with $LASTEXITCODE." }
    $summary = [pscustomobject]@{
        PSTypeName      = 'Qed.Job.DiskBackup'
        Path            = $Path
        DestinationPath = $target
        Size            = (Get-QedImageInfo -LiteralPath $Path).Size
        ReadBytes       = $server.ReadBytes
        Requests        = $server.Requests
        IsVerified      = $false
    }
}
finally {
    $server | Stop-QedServer -Confirm:$false
}

if ($Verify) {
    if (-not (Compare-QedImage -LiteralPath $Path -DifferencePath $target -DifferenceFormat raw -Quiet)) { throw "'$target' does not hold what '$Path' does." }
    $summary.IsVerified = $true
}
$summary
