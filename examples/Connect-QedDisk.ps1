<#
.SYNOPSIS
Makes a disk image of any format a block device of this machine, by the Linux kernel's NBD client, and takes it away again.
.DESCRIPTION
The image is served at a Unix socket by a process of its own, which outlives this script, and nbd-client (Debian package of
that name) connects the kernel to it. From then on the device is like any other: it has partitions, and can be mounted.

What is written goes to the image itself (QED and raw), to an overlay, or nowhere. -Disconnect undoes all of it in turn, and
says when a step is refused, such as the unmounting of a folder that somebody uses.

Linux alone has this client, and only root may use it.
.PARAMETER Path
The image, by literal path.
.PARAMETER Device
The kernel's device: one that is not in use.
.PARAMETER OverlayPath
The QED image that takes what is written, so that the image stays as it is.
.PARAMETER ReadOnly
Lets nothing be written.
.PARAMETER MountPath
A folder to mount the device at, or a partition of it.
.PARAMETER Partition
The number of that partition.
.PARAMETER Disconnect
Unmounts what -MountPath names, takes the device away and stops the image's server.
.PARAMETER SocketPath
The socket; one in /run that is named after the device where it is left out.
.PARAMETER Module
The module's manifest; the installed module otherwise.
.OUTPUTS
The device, what it shows and where it is mounted; nothing for -Disconnect.
.EXAMPLE
./Connect-QedDisk.ps1 /backup/server.vhdx -ReadOnly -MountPath /mnt/server -Partition 2
Looks for a file in a backup.
.EXAMPLE
./Connect-QedDisk.ps1 /backup/server.vhdx -MountPath /mnt/server -Disconnect
Ends that.
.EXAMPLE
./Connect-QedDisk.ps1 /srv/images/server.vmdk -OverlayPath /srv/images/server.qed -Device /dev/nbd3
A service on this machine goes on with a disk of another hypervisor, which stays as it was.
#>
[CmdletBinding(SupportsShouldProcess)]
param(
    [Parameter(Mandatory, Position = 0)] [ValidateNotNullOrEmpty()] [string]$Path,
    [ValidatePattern('^/dev/nbd\d+$')] [string]$Device = '/dev/nbd0',
    [string]$OverlayPath,
    [switch]$ReadOnly,
    [string]$MountPath,
    [ValidateRange(1, 128)] [int]$Partition,
    [switch]$Disconnect,
    [string]$SocketPath = "/run/qed-$([IO.Path]::GetFileName($Device)).sock",
    [string]$Module = 'Qed'
)

$ErrorActionPreference = 'Stop'
Import-Module $Module

function Invoke-Program([string]$Name, [string[]]$Argument) {
    & $Name @Argument | Out-Host
    if ($LASTEXITCODE) { throw "$Name $Argument has ended with $LASTEXITCODE." }
}

if ($Disconnect) {
    if (-not $PSCmdlet.ShouldProcess($Device, 'Disconnect')) { return }
    if ($MountPath) { Invoke-Program umount $MountPath }
    Invoke-Program nbd-client '-d', $Device
    # Its name alone would do, but servers in other sessions may have one of the same.
    Get-QedServer | Where-Object Address -Like "*$SocketPath" | Stop-QedServer -Confirm:$false
    return
}

if (-not $PSCmdlet.ShouldProcess($Path, "Connect to $Device")) { return }
# The module makes the devices; partitions are looked for when a disk comes.
Invoke-Program modprobe 'nbd'
$how = @{ LiteralPath = $Path; SocketPath = $SocketPath; ReadOnly = $ReadOnly; MaximumClients = 16; AsProcess = $true; Confirm = $false }
if ($OverlayPath) { $how.OverlayPath = $OverlayPath }
$server = Start-QedServer @how
$isConnected = $false
try {
    # Of 512 bytes, as most disks; over several connections, which the server has for this.
    $options = @('-unix', $SocketPath, $Device, '-block-size', '512', '-connections', '4')
    if ($ReadOnly) { $options += '-readonly' }
    Invoke-Program nbd-client $options
    $isConnected = $true
    $source = if ($Partition) { "${Device}p$Partition" } else { $Device }
    if ($MountPath) { Invoke-Program mount (@(if ($ReadOnly) { '-o', 'ro' }) + $source + $MountPath) }
}
catch {
    if ($isConnected) { & nbd-client -d $Device | Out-Host }
    $server | Stop-QedServer -Confirm:$false
    throw
}

[pscustomobject]@{
    PSTypeName = 'Qed.Job.KernelDisk'
    Path       = $Path
    Device     = $Device
    Source     = $source
    MountPath  = $MountPath
    Address    = $server.Address
}
