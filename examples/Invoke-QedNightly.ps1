<#
.SYNOPSIS
Re-parents overlays to a new base, and gives back the space that QED images take without need.
.DESCRIPTION
For the hours in which most images are at rest. What is in use is passed over and had another night; what cannot be done with
one image keeps nothing from being done with the others. What the guests see never changes.

With -OldBackingPath and -BackingPath every overlay that rests on the one is made to rest on the other: what differs between
the two is copied into the overlay first. The new base, and what it rests on itself, is left alone.

With -Compact, leaked clusters are given back; then an image is written anew beside itself where that saves
-MinimumGainBytes: without clusters that hold only zeroes, or only what the backing file has as well, and in the guest's order.
The copy is compared with the image, and takes its place, its owner and its permissions at once and only if nobody uses the
image or has written it meanwhile. An interruption leaves the image as it was, and at most a copy, <image>.compact, that the
next run removes; where leaks were being given back, an unfinished repair, which Repair-QedImage ends or undoes and which is
reported until then. Images with an undo file beside them are not compacted, nor are links and files with several names.
A journal spares the next night those that would not have become smaller, until they are written.

The exit code is the sum of 4, if something could not be done with an image for another reason than its use, and 8 for an
operational error, such as another run that holds the journal; 0 means that all is done.
.PARAMETER Path
The folders, by literal path. Subfolders are searched, too.
.PARAMETER OldBackingPath
The backing file that overlays are taken off.
.PARAMETER BackingPath
The backing file that they get instead.
.PARAMETER Compact
Gives back space.
.PARAMETER MinimumGainBytes
How much a new copy has to save.
.PARAMETER Filter
Which files are taken for images, by name. Images of other formats among them are passed over.
.PARAMETER JournalPath
The journal, one JSON object a line.
.PARAMETER Module
The module's manifest; the installed module otherwise.
.OUTPUTS
A summary: counts, bytes that were given back, and the exit code.
.EXAMPLE
./Invoke-QedNightly.ps1 /srv/overlays -OldBackingPath /srv/base/2026-10.qed -BackingPath /srv/base/2026-11.qed -JournalPath /var/log/qed/nightly.jsonl
Moves all overlays to this month's base. Once none is left on the old one (Left and InUse are 0), it can go.
.EXAMPLE
./Invoke-QedNightly.ps1 D:\Images -Compact -JournalPath D:\Logs\nightly.jsonl
Gives back space.
.EXAMPLE
./Invoke-QedNightly.ps1 D:\Images -Compact -JournalPath D:\Logs\nightly.jsonl -WhatIf
Says which images would be looked at.
#>
[CmdletBinding(SupportsShouldProcess)]
param(
    [Parameter(Mandatory, Position = 0, ValueFromRemainingArguments)] [ValidateNotNullOrEmpty()] [string[]]$Path,
    [string]$OldBackingPath,
    [string]$BackingPath,
    [switch]$Compact,
    [ValidateRange(0, [long]::MaxValue)] [long]$MinimumGainBytes = 64MB,
    [ValidateNotNullOrEmpty()] [string]$Filter = '*.qed',
    [Parameter(Mandatory)] [ValidateNotNullOrEmpty()] [string]$JournalPath,
    [string]$Module = 'Qed'
)

$ErrorActionPreference = 'Stop'
. $PSScriptRoot/JobSupport.ps1

$left = 4
$operational = 8
$isAsking = [bool]$PSBoundParameters['Confirm']
$hasShareModes = [Environment]::OSVersion.Platform -eq 'Win32NT'

$lock = $null
$journal = $null
$summary = [pscustomobject]@{
    PSTypeName  = 'Qed.Job.NightlySummary'
    Images      = 0
    Reparented  = 0
    Compacted   = 0
    SavedBytes  = [long]0
    InUse       = 0
    Left        = 0
    JournalPath = $JournalPath
    ExitCode    = 0
}
# By path: the stamp with which an image was found to have nothing to give.
$settled = [Collections.Generic.Dictionary[string, string]]::new([StringComparer]::Ordinal)

function Add-OperationalError([string]$Place, [string]$Message) {
    Write-Warning $Message
    Write-JobLog $journal 'error' @{ path = $Place; message = $Message }
    $summary.ExitCode = $summary.ExitCode -bor $operational
}

function Add-Left([string]$Image, [Management.Automation.ErrorRecord]$Reason) {
    # From a cmdlet, or from a method that the engine was called by.
    if ('ImageInUse' -in "$($Reason.Exception.Kind)", "$($Reason.Exception.InnerException.Kind)") {
        $summary.InUse++
        Write-JobLog $journal 'inUse' @{ path = $Image; message = "$Reason" }
        return
    }
    Write-Warning "$Reason"
    Write-JobLog $journal 'left' @{ path = $Image; message = "$Reason" }
    $summary.Left++
    $summary.ExitCode = $summary.ExitCode -bor $left
}

function Read-Journal([string]$Place) {
    Read-JobLog "$Place.1", $Place | Where-Object event -eq 'settled' | ForEach-Object { $settled[$_.path] = $_.stamp }
}

function Get-Usage([psobject]$Info) {
    [long]$(if ($null -ne $Info.AllocatedSize) { $Info.AllocatedSize } else { $Info.FileSize })
}

function Test-SamePath([string]$One, [string]$Other) {
    $comparison = if ($hasShareModes) { [StringComparison]::OrdinalIgnoreCase } else { [StringComparison]::Ordinal }
    [string]::Equals((Get-RealPath $One), (Get-RealPath $Other), $comparison)
}

function Move-Overlay([psobject]$Info) {
    <# Makes an overlay of the old base one of the new base. #>
    if (-not $Info.BackingFullPath -or -not (Test-SamePath $Info.BackingFullPath $oldBase)) { return }
    if ($newChain | Where-Object { Test-SamePath $_ $Info.Path }) { return }
    $moved = Set-QedBackingFile -LiteralPath $Info.Path -BackingPath $BackingPath -PassThru -Confirm:$isAsking
    if (-not $moved) { return }
    Write-JobLog $journal 'reparented' @{ path = $Info.Path; from = $Info.BackingPath; to = $moved.BackingPath }
    $summary.Reparented++
}

function Get-PossibleGain([psobject]$Info) {
    # How much of an overlay its backing file has as well is only known once it was written.
    if ($Info.BackingPath) { return [long]::MaxValue }
    [long]$Info.FileSize - [long](Measure-QedImage -LiteralPath $Info.Path -Format qed -ClusterSizeBytes $Info.ClusterSize -TableSize $Info.TableSize -Exact).FileSize
}

function New-Copy {
    <# Writes an image anew beside itself, and compares the two. #>
    [Diagnostics.CodeAnalysis.SuppressMessageAttribute('PSUseShouldProcessForStateChangingFunctions', '', Justification = 'Its caller has asked.')]
    param([psobject]$Info)

    $arguments = @{
        LiteralPath = $Info.Path; DestinationPath = "$($Info.Path).compact"; Format = 'qed'; Verify = $true; PassThru = $true; Confirm = $false
        ClusterSizeBytes = $Info.ClusterSize; TableSize = $Info.TableSize
    }
    if ($Info.BackingPath) { $arguments.BackingPath = $Info.BackingPath }
    if ($Info.BackingFormat) { $arguments.BackingFormat = $Info.BackingFormat }
    # A relative backing file name is meant from the image's folder.
    Push-Location -LiteralPath ([IO.Path]::GetDirectoryName($Info.Path))
    try {
        $copy = Convert-QedImage @arguments
    }
    finally {
        Pop-Location
    }
    if ($copy.Size -ne $Info.Size -or $copy.BackingPath -cne $Info.BackingPath -or "$($copy.Features)" -cne "$($Info.Features)") {
        throw "'$($Info.Path)' is left as it is, because a copy has not all of its features."
    }
    $copy
}

function Copy-Attribute([string]$From, [string]$To) {
    <# Gives a file the owner, group, mode, access lists and extended attributes of another (Linux). #>
    & cp --attributes-only --preserve=all -- $From $To
    if ($LASTEXITCODE -ne 0 -or (& stat -c '%u %g %a' -- $From) -ne (& stat -c '%u %g %a' -- $To)) {
        throw "'$From' is left as it is, because a copy cannot get its owner and permissions."
    }
    [IO.File]::SetLastWriteTimeUtc($To, [DateTime]::UtcNow)
}

function Move-Copy([string]$Copy, [string]$Image, [string]$Stamp) {
    <# Puts a copy in an image's place, with the image's permissions, if it is still one. #>
    if (-not $hasShareModes) { Copy-Attribute $Image $Copy }
    # Refused where anybody has the image, also only to read it. A virtual machine that starts now is refused, and does not go on
    # writing a file that has no name any more.
    $held = [Qed.Operations.OpenImage]::ForWriting($Image)
    try {
        if ((Get-Stamp $Image) -ne $Stamp) { throw "'$Image' is left as it is, because it was written while it was copied." }
        # On Windows it fails while anybody has the image open, so do we, and may do so with the old file gone.
        if ($hasShareModes) { $held.Dispose() }
        try { [IO.File]::Replace($Copy, $Image, [NullString]::Value) }
        catch {
            if ([IO.File]::Exists($Image)) { throw }
            [IO.File]::Move($Copy, $Image)
        }
    }
    finally {
        $held.Dispose()
    }
}

function Get-SoundReport([string]$Image) {
    <# An image that needs more than leaks given back is left to those who repair. #>
    $report = Test-QedImage -LiteralPath $Image
    if ($report.UnfinishedUndoPath) { throw "'$Image' is left as it is: a repair of it has begun and not ended. Repair-QedImage leads on, or back with -Undo." }
    if ($report.Corruptions) { throw "'$Image' is left as it is: it has $($report.Corruptions) corruptions. Repair-QedImage -WhatIf tells what can be done." }
    $report
}

function Compress-Image {
    [CmdletBinding(SupportsShouldProcess)]
    param([string]$Image)

    if ($settled[$Image] -eq (Get-Stamp $Image)) { return }
    $report = Get-SoundReport $Image
    $reason = if ((Get-Item -LiteralPath $Image).LinkType) { 'it is a link or has further names' } elseif ([IO.File]::Exists("$Image.undo")) { 'an undo file lies beside it' }
    if ($reason) {
        Write-JobLog $journal 'skipped' @{ path = $Image; message = $reason }
        return
    }
    if (-not $PSCmdlet.ShouldProcess($Image, 'Give back the space that the image takes without need')) { return }

    [IO.File]::Delete("$Image.compact")
    $usedBefore = Get-Usage (Get-QedImageInfo -LiteralPath $Image)
    if ($report.LeakedClusters -or $report.NeedsCheck) { $null = Repair-QedImage -LiteralPath $Image -Mode Leaks -DiscardUndo -Confirm:$false }
    $info = Get-QedImageInfo -LiteralPath $Image
    $stamp = Get-Stamp $Image
    $isSmaller = $false
    if ((Get-PossibleGain $info) -ge $MinimumGainBytes) {
        try {
            $copy = New-Copy $info
            if ((Get-Usage $info) - (Get-Usage $copy) -ge [Math]::Max(1, $MinimumGainBytes)) {
                Move-Copy -Copy $copy.Path -Image $Image -Stamp $stamp
                $isSmaller = $true
            }
        }
        finally {
            # Should the image be gone, its copy is all there is.
            if ([IO.File]::Exists($Image)) { [IO.File]::Delete("$Image.compact") }
        }
    }
    $saved = $usedBefore - (Get-Usage (Get-QedImageInfo -LiteralPath $Image))
    $summary.SavedBytes += $saved
    if ($isSmaller -or $saved) {
        $summary.Compacted++
        Write-JobLog $journal 'compacted' @{ path = $Image; savedBytes = $saved; rewritten = $isSmaller }
    }
    Write-JobLog $journal 'settled' @{ path = $Image; stamp = Get-Stamp $Image }
}

function Invoke-Image([string]$Image) {
    try {
        $info = Get-QedImageInfo -LiteralPath $Image
        if ($info.Format -ne 'qed') { return }
        $summary.Images++
        if ($BackingPath) { Move-Overlay $info }
        if ($Compact) { Compress-Image $Image }
    }
    catch {
        Add-Left $Image $_
    }
}

try {
    Import-Module $Module
    if (-not $BackingPath -ne -not $OldBackingPath) { throw 'Give both -OldBackingPath and -BackingPath, or neither.' }
    if (-not $BackingPath -and -not $Compact) { throw 'Give -OldBackingPath and -BackingPath, or -Compact, or all of them.' }
    if ($BackingPath) {
        $oldBase = Resolve-Place $OldBackingPath
        $newChain = @(Get-QedImageInfo -LiteralPath $BackingPath -BackingChain | ForEach-Object Path)
    }
    $summary.JournalPath = Resolve-Place $JournalPath
    if (-not $WhatIfPreference) {
        $lock = Enter-JobLock "$($summary.JournalPath).lock"
        if (-not $lock) { exit $operational }
        $journal = Open-JobLog $summary.JournalPath -MaximumBytes 10MB
    }
    Read-Journal $summary.JournalPath
    Find-Image @($Path | ForEach-Object { Resolve-Place $_ }) $Filter { param($place, $message) Add-OperationalError $place $message } |
        ForEach-Object { Invoke-Image $_.FullName }
    Write-JobLog $journal 'end' @{
        images = $summary.Images; reparented = $summary.Reparented; compacted = $summary.Compacted; savedBytes = $summary.SavedBytes
        inUse = $summary.InUse; left = $summary.Left; exitCode = $summary.ExitCode
    }
}
catch {
    Write-Error "$_" -ErrorAction Continue
    $summary.ExitCode = $summary.ExitCode -bor $operational
}
finally {
    Close-Job $lock $journal
}
$summary
exit $summary.ExitCode
