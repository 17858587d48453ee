<#
.SYNOPSIS
Starts a machine from a disk image of any format at once, and has the image copied into a QED image while the machine runs.
.DESCRIPTION
Instant recovery: the image, a VHDX, a VMDK or another that Qed reads, is served as a live disk from where it lies, and QEMU
boots from that. What the machine writes goes to an overlay; the image stays as it is. With -Convert the rest is copied into
the overlay meanwhile, until it stands alone and the image is not needed any more.

The script returns when the machine is off. If the copy is not whole by then it is finished first, unless -NoWait is given.
Run again with the same paths it goes on: with the machine as it was switched off, and with the copy where it stood. That holds
after a crash, too.

Run it where the images are; the disk is served to this machine alone.
.PARAMETER Path
The image, by literal path. It is only read.
.PARAMETER OverlayPath
The QED image that takes what the machine writes; beside the image, with the extension .live.qed, where it is left out.
.PARAMETER Convert
Copies what the machine does not write itself into the overlay while it runs.
.PARAMETER MaximumBytesPerSecond
How fast the image is read for that at most, so that the machine has its share of the disk.
.PARAMETER NoWait
Leaves a copy that is not whole when the machine is off to the next run.
.PARAMETER Qemu
The program that the machine runs in.
.PARAMETER QemuArgument
What it is told besides its disk.
.PARAMETER Module
The module's manifest; the installed module otherwise.
.OUTPUTS
What has become of the disk: the image, the overlay, whether that stands alone, and the exit code of the machine's program.
.EXAMPLE
./Start-QedRecovery.ps1 /backup/server.vhdx /srv/images/server.qed -Convert -QemuArgument '-m', '8192', '-accel', 'kvm'
Boots the machine from its backup and moves it to /srv/images while it works.
.EXAMPLE
./Start-QedRecovery.ps1 /backup/server.vmdk -Convert -MaximumBytesPerSecond 100MB
The same beside the backup, at a rate that leaves the disk to the machine.
.EXAMPLE
./Start-QedRecovery.ps1 D:\Images\server.vhdx -Qemu 'C:\Program Files\qemu\qemu-system-x86_64.exe' -QemuArgument '-m', '4096', '-accel', 'whpx'
Tries a machine out: what it writes is in the overlay, and gone when that is deleted.
#>
[CmdletBinding(SupportsShouldProcess)]
param(
    [Parameter(Mandatory, Position = 0)] [ValidateNotNullOrEmpty()] [string]$Path,
    [Parameter(Position = 1)] [string]$OverlayPath = [IO.Path]::ChangeExtension($Path, '.live.qed'),
    [switch]$Convert,
    [ValidateRange(1, [long]::MaxValue)] [long]$MaximumBytesPerSecond,
    [switch]$NoWait,
    [string]$Qemu = 'qemu-system-x86_64',
    [string[]]$QemuArgument = @('-m', '2048'),
    [string]$Module = 'Qed'
)

$ErrorActionPreference = 'Stop'
Import-Module $Module
# Found before anything is made.
$program = Get-Command -Name $Qemu -CommandType Application, ExternalScript | Select-Object -First 1
if (-not $PSCmdlet.ShouldProcess($Path, "Start a machine, and write to '$OverlayPath'")) { return }

$how = @{ LiteralPath = $Path; OverlayPath = $OverlayPath; Stream = $Convert; MaximumClients = 4; Confirm = $false }
if ($MaximumBytesPerSecond) { $how.MaximumBytesPerSecond = $MaximumBytesPerSecond }
$server = Start-QedServer @how
try {
    # A disk that the machine sees as its first one, and gives space back to.
    $disk = "file=$($server.Address),format=raw,if=virtio,discard=unmap"
    & $program @QemuArgument -drive $disk | Out-Host
    $exitCode = $LASTEXITCODE
    while ($Convert -and -not $NoWait -and $server.LeftBytes -and $server.IsRunning) {
        $messages = $server.Messages
        if ($messages -match 'copied into') { throw "The copy stopped: $($messages[-1])" }
        Write-Progress -Activity "Copying $Path" -Status "$([long]($server.LeftBytes / 1MB)) MiB left"
        Start-Sleep -Milliseconds 200
    }
}
finally {
    # Also where the machine's program is missing, or Ctrl+C ends all: what was answered is on the disk then.
    $server | Stop-QedServer -Confirm:$false
}

[pscustomobject]@{
    PSTypeName  = 'Qed.Job.Recovery'
    Path        = $Path
    OverlayPath = $OverlayPath
    StandsAlone = -not (Get-QedImageInfo -LiteralPath $OverlayPath).BackingPath
    ExitCode    = $exitCode
}
