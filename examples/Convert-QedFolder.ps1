<#
.SYNOPSIS
Migrates all images of a folder to VHDX or qcow2, goes on where it was interrupted, and keeps a journal of what it did.
.DESCRIPTION
Each image gets a target of the same name and the format's extension, in the same subfolder of the destination. A target holds
all that the guest sees, also what an image has from its backing files. It appears under its name when it is whole.

The journal has one JSON object a line. Run again, also after a crash, the script goes on: what the journal has as converted,
and was not written since, is not converted again. A target that exists and is not in the journal is compared with its source:
if it is whole and reads the same it is entered, and otherwise it is left alone and reported; it is never taken for done by its name.

With -DeleteSource an image is deleted only after its target was read back and compared, if it was not written since, nobody
uses it, no hard link leads to it, and no other image here or under -SearchPath rests on it. An image whose overlays are migrated
as well goes once they are gone. Nothing is deleted while there is an image of which nobody can tell what it rests on.

The exit code is the sum of 4, if an image was not migrated or a source was kept that was to be deleted, and 8 for an operational
error, such as another run that holds the journal; 0 means that all is done.
.PARAMETER Path
The folder of the images, by literal path. Subfolders are searched, too.
.PARAMETER DestinationPath
The folder for the targets; without it each lies beside its source.
.PARAMETER Format
The targets' format.
.PARAMETER Filter
Which files are taken for images, by name.
.PARAMETER Verify
Reads every target back from the disk and compares it with its source, before it appears under its name.
.PARAMETER DeleteSource
Deletes sources, as described above. It implies -Verify.
.PARAMETER SearchPath
Further folders in which images may lie that rest on the sources.
.PARAMETER JournalPath
The journal; without it qed-migration.jsonl in the destination.
.PARAMETER ThrottleLimit
How many images are converted at a time.
.PARAMETER Module
The module's manifest; the installed module otherwise.
.OUTPUTS
A summary: counts and the exit code.
.EXAMPLE
./Convert-QedFolder.ps1 D:\Images E:\Images -Format vhdx -Verify
Migrates to another disk and keeps the sources. After a reboot the same line goes on.
.EXAMPLE
./Convert-QedFolder.ps1 D:\Images E:\Images -Format vhdx -DeleteSource
A week later: converts nothing twice, and deletes the sources that were verified. Those that were not are compared first.
.EXAMPLE
./Convert-QedFolder.ps1 /srv/images -Format qcow2 -DeleteSource -SearchPath /srv/overlays -WhatIf
Says what would be done.
.EXAMPLE
Get-Content E:\Images\qed-migration.jsonl | ConvertFrom-Json | Where-Object event -eq left
What was left, and why.
#>
[CmdletBinding(SupportsShouldProcess)]
param(
    [Parameter(Mandatory, Position = 0)] [ValidateNotNullOrEmpty()] [string]$Path,
    [Parameter(Position = 1)] [string]$DestinationPath = $Path,
    [Parameter(Mandatory)] [ValidateSet('vhdx', 'qcow2')] [string]$Format,
    [ValidateNotNullOrEmpty()] [string]$Filter = '*.qed',
    [switch]$Verify,
    [switch]$DeleteSource,
    [string[]]$SearchPath,
    [string]$JournalPath,
    [ValidateRange(1, 1024)] [int]$ThrottleLimit = [Environment]::ProcessorCount,
    [string]$Module = 'Qed'
)

$ErrorActionPreference = 'Stop'
. $PSScriptRoot/JobSupport.ps1

$left = 4
$operational = 8
$mustVerify = $Verify -or $DeleteSource
$isAsking = [bool]$PSBoundParameters['Confirm']

$lock = $null
$journal = $null
$summary = [pscustomobject]@{
    PSTypeName  = 'Qed.Job.MigrationSummary'
    Images      = 0
    Converted   = 0
    Skipped     = 0
    Deleted     = 0
    Left        = 0
    JournalPath = $JournalPath
    ExitCode    = 0
}

# By path: what the journal says of each source, and in this run each one's target and stamp. File names differ by case on Linux.
$converted = [Collections.Generic.Dictionary[string, psobject]]::new([StringComparer]::Ordinal)
$begun = [Collections.Generic.Dictionary[string, psobject]]::new([StringComparer]::Ordinal)
# By the stamp of an image: those that rest on it. A stamp is the same whatever name, mount or share a file is reached by.
$overlays = [Collections.Generic.Dictionary[string, psobject]]::new([StringComparer]::Ordinal)
$waiting = [Collections.Generic.List[string]]::new()
$unknown = [Collections.Generic.List[string]]::new()

function Add-Left([string]$Source, [string]$Message) {
    Write-Warning $Message
    Write-JobLog $journal 'left' @{ source = $Source; message = $Message }
    $summary.Left++
    $summary.ExitCode = $summary.ExitCode -bor $left
}

function Add-OperationalError([string]$Place, [string]$Message) {
    Write-Warning $Message
    Write-JobLog $journal 'error' @{ path = $Place; message = $Message }
    $summary.ExitCode = $summary.ExitCode -bor $operational
}

function Read-Journal([string]$Place) {
    Read-JobLog $Place | Where-Object event -eq 'converted' | ForEach-Object { $converted[$_.source] = $_ }
}

function Read-Overlay {
    <# Finds out which images rest on which. An image that nobody can read may rest on any. #>
    $folders = @($Path) + @($SearchPath | Where-Object { $_ }) | Select-Object -Unique
    Find-Image $folders '*' { param($place, $message) $unknown.Add("'$place': $message") } |
        Where-Object { $_.FullName -notin $summary.JournalPath, "$($summary.JournalPath).lock" } |
        Get-QedImageInfo -ThrottleLimit $ThrottleLimit -ErrorAction Continue 2>&1 | ForEach-Object {
            if ($_ -is [Management.Automation.ErrorRecord]) {
                # What is no image rests on nothing. One that should be a QED image and is none is damaged.
                if ($_.FullyQualifiedErrorId -notlike 'ImageNotRecognized,*' -or "$($_.TargetObject)" -like '*.qed') { $unknown.Add("$_") }
            }
            elseif (-not $_.BackingPath) { return }
            elseif (-not $_.BackingFullPath) { $unknown.Add("'$($_.Path)' rests on '$($_.BackingPath)'") }
            elseif ([IO.File]::Exists($_.BackingFullPath)) {
                $base = Get-Stamp (Get-RealPath $_.BackingFullPath)
                if (-not $overlays[$base]) { $overlays[$base] = [Collections.Generic.List[string]]::new() }
                $overlays[$base].Add($_.Path)
            }
        }
}

function Add-Converted([string]$Source, [string]$Target, [string]$Stamp, [bool]$IsVerified) {
    $entry = @{ source = $Source; target = $Target; format = $Format; stamp = $Stamp; verified = $IsVerified }
    Write-JobLog $journal 'converted' $entry
    $converted[$Source] = [pscustomobject]$entry
}

function Test-Whole([string]$Source, [string]$Target) {
    <# Whether a target is as long as a conversion makes it. One that was cut off may still read the same. #>
    [IO.FileInfo]::new($Target).Length -eq (Measure-QedImage -LiteralPath $Source -Format $Format -Exact).FileSize
}

function Test-Equal([string]$Source, [string]$Target) {
    (Get-QedImageInfo -LiteralPath $Target).Format -eq $Format -and (Compare-QedImage -LiteralPath $Source -DifferencePath $Target -Quiet)
}

function Test-Done([string]$Source, [string]$Target) {
    <# Whether nothing is left to be converted, or can be. #>
    if (-not (Test-Path -LiteralPath $Target)) { return $false }
    $known = $converted[$Source]
    try {
        $stamp = Get-Stamp $Source
        if ($known -and $known.target -ceq $Target) {
            if ($known.stamp -ne $stamp) { throw "'$Source' was written since it was converted to '$Target'. Delete the one that is out of date." }
        }
        elseif ((Test-Whole $Source $Target) -and (Test-Equal $Source $Target)) {
            Add-Converted -Source $Source -Target $Target -Stamp $stamp -IsVerified $true
        }
        else {
            throw "'$Target' exists, and is no whole copy of '$Source'. Move it away."
        }
        $summary.Skipped++
        Complete-Source $Source
    }
    catch {
        Add-Left $Source "$_"
    }
    $true
}

function Get-Work {
    <# The images that are still to be converted. #>
    Find-Image $Path $Filter { param($place, $message) Add-OperationalError $place $message } | ForEach-Object {
        $source = $_.FullName
        $target = [IO.Path]::Combine($DestinationPath, [IO.Path]::ChangeExtension($source.Substring($Path.Length).TrimStart('\', '/'), $Format))
        # Where the targets lie among the sources and the filter takes both.
        if ($target -ceq $source) { return }
        $summary.Images++
        if ($begun.ContainsKey($target)) {
            Add-Left $source "'$source' is left, because '$($begun[$target].Source)' becomes '$target' as well."
        }
        elseif (-not (Test-Done $source $target)) {
            $begun[$target] = @{ Source = $source; Stamp = Get-Stamp $source }
            $_
        }
    }
}

function Convert-Work {
    $arguments = @{
        DestinationPath = $DestinationPath; RelativeTo = $Path; Format = $Format; Verify = $mustVerify; PassThru = $true
        ThrottleLimit = $ThrottleLimit; Confirm = $isAsking; ErrorAction = 'Continue'
    }
    Get-Work | Convert-QedImage @arguments 2>&1 | ForEach-Object {
        if ($_ -is [Management.Automation.ErrorRecord]) {
            Add-Left "$($_.TargetObject)" "$_"
        }
        else {
            $work = $begun[$_.Path]
            Add-Converted -Source $work.Source -Target $_.Path -Stamp $work.Stamp -IsVerified $mustVerify
            $summary.Converted++
            Complete-Source $work.Source
        }
    }
}

function Test-Overlay([string]$Source) {
    @($overlays[$converted[$Source].stamp] | Where-Object { $_ -and (Test-Path -LiteralPath $_) }).Count -gt 0
}

function Assert-Deletable([string]$Source) {
    $known = $converted[$Source]
    if ($unknown) { throw "'$Source' is kept, because nobody can tell what these rest on: $($unknown -join '; ')" }
    if (-not (Get-QedImageInfo -LiteralPath $known.target).Format) { throw "'$Source' is kept, because its target '$($known.target)' cannot be read." }
    if (-not $known.verified) {
        if (-not (Test-Equal $Source $known.target)) { throw "'$Source' is kept, because '$($known.target)' reads differently." }
        Add-Converted -Source $Source -Target $known.target -Stamp $known.stamp -IsVerified $true
    }
    if ((Get-Item -LiteralPath $Source).LinkType) { throw "'$Source' is kept, because it is a link or has further names." }
    if ((Get-QedImageInfo -LiteralPath $Source).InUse) { throw "'$Source' is kept, because it is in use." }
    # Last of all, after whatever took time.
    if ((Get-Stamp $Source) -ne $known.stamp) { throw "'$Source' is kept, because it was written since it was converted." }
}

function Complete-Source {
    <# Deletes an image that was converted, if it is to be deleted and may be. One that others rest on waits for them. #>
    [CmdletBinding(SupportsShouldProcess)]
    param([string]$Source)

    if (-not $DeleteSource) { return }
    if (Test-Overlay $Source) {
        $waiting.Add($Source)
        return
    }
    try {
        Assert-Deletable $Source
        if ($PSCmdlet.ShouldProcess($Source, 'Delete the image, which was migrated')) {
            [IO.File]::Delete($Source)
            Write-JobLog $journal 'deleted' @{ source = $Source; target = $converted[$Source].target }
            $summary.Deleted++
        }
    }
    catch {
        Add-Left $Source "$_"
    }
}

function Complete-Waiting {
    <# Each round frees images of the next layer; once one does not, the others rest on images that stay. #>
    do {
        $round = $waiting.ToArray()
        $waiting.Clear()
        foreach ($source in $round) { Complete-Source $source }
    } while ($waiting.Count -gt 0 -and $waiting.Count -lt $round.Count)
    foreach ($source in $waiting) {
        Add-Left $source "'$source' is kept, because these rest on it: $($overlays[$converted[$source].stamp] -join ', ')"
    }
}

try {
    Import-Module $Module
    $Path = Resolve-Place $Path
    if ($Path -ne [IO.Path]::GetPathRoot($Path)) { $Path = $Path.TrimEnd('\', '/') }
    $DestinationPath = Resolve-Place $DestinationPath
    $SearchPath = @($SearchPath | Where-Object { $_ } | ForEach-Object { Resolve-Place $_ })
    $summary.JournalPath = if ($JournalPath) { Resolve-Place $JournalPath } else { [IO.Path]::Combine($DestinationPath, 'qed-migration.jsonl') }
    if (-not $WhatIfPreference) {
        $lock = Enter-JobLock "$($summary.JournalPath).lock"
        if (-not $lock) { exit $operational }
        $journal = Open-JobLog $summary.JournalPath -Durable
    }
    Read-Journal $summary.JournalPath
    if ($DeleteSource) { Read-Overlay }
    Convert-Work
    Complete-Waiting
    Write-JobLog $journal 'end' @{
        images = $summary.Images; converted = $summary.Converted; skipped = $summary.Skipped
        deleted = $summary.Deleted; left = $summary.Left; exitCode = $summary.ExitCode
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
