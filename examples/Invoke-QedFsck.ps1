<#
.SYNOPSIS
Checks every QED image under some folders, mends what it may, and ends with the exit codes of fsck.
.DESCRIPTION
Made to be run by a scheduler, also beside running virtual machines: an image that is in use is checked online and never
touched. Each image gets a line in the log as soon as it is known; the log is rotated. An HTML report and a hook, for a mail
or a call of a webhook, are there for whoever wants them.

The exit code is the sum of
  1  errors were corrected
  4  errors were left: nothing may be repaired, the image is in use, or it cannot be repaired
  8  operational error: a file or folder that cannot be read, another run that holds the log, a hook that failed
and 0 where all is well. An image that was not closed cleanly, and in which nothing is wrong, is no error.

With a log, a second run at the same time does nothing and ends with 8. Without one, runs at once do not disturb each other:
what one repairs, the others take for an image that is in use.

A repair keeps its undo file, so that Repair-QedImage -Undo puts the image back. If there is one of an earlier repair that does
not fit the image any more, it is kept as <image>.undo.old, in place of one of that name.
.PARAMETER Path
The folders, by literal path. Subfolders are searched, too.
.PARAMETER Filter
Which files are taken for images, by name. Images of other formats among them are passed over.
.PARAMETER Repair
What may be changed: nothing; leaked space may be given back, by which no data can be lost; or all that can be mended may be.
.PARAMETER LogPath
The log, one JSON object a line. Without it nothing is logged.
.PARAMETER MaximumLogBytes
The size beyond which a new log is begun.
.PARAMETER LogCount
How many older logs are kept, as <log>.1 and so on.
.PARAMETER ReportPath
The HTML page, made by Export-QedReport when all images are done. It needs about a kilobyte of memory for each image; the rest needs the same for any number.
.PARAMETER Hook
A script block, or the path of a script, that is called at the end with the summary as its argument. Should it throw, 8 is added to the exit code.
.PARAMETER ThrottleLimit
How many images are checked at a time. Repairs, and checks of images in use, are made one at a time.
.PARAMETER MaximumBytesPerSecond
How fast each image is read at most.
.PARAMETER Module
The module's manifest; the installed module otherwise.
.OUTPUTS
A summary: counts, the exit code, and the first hundred images that need attention.
.EXAMPLE
./Invoke-QedFsck.ps1 D:\Images
Changes nothing, and says how things are.
.EXAMPLE
./Invoke-QedFsck.ps1 /srv/images -Repair Leaks -LogPath /var/log/qed/fsck.jsonl -ReportPath /srv/www/images.html
What a timer runs at night.
.EXAMPLE
./Invoke-QedFsck.ps1 D:\Images -Repair All -WhatIf
Says what would be changed.
.EXAMPLE
./Invoke-QedFsck.ps1 D:\Images -Hook { param($summary) if ($summary.ExitCode) { Invoke-RestMethod https://chat.example/hook -Method Post -Body ($summary | ConvertTo-Json -Depth 4) } }
Tells a chat if anything needs attention.
#>
[CmdletBinding(SupportsShouldProcess)]
param(
    # From a command line that cannot write arrays, too: Invoke-QedFsck.ps1 /a /b -Repair Leaks
    [Parameter(Mandatory, Position = 0, ValueFromRemainingArguments)] [ValidateNotNullOrEmpty()] [string[]]$Path,
    [ValidateNotNullOrEmpty()] [string]$Filter = '*.qed',
    [ValidateSet('None', 'Leaks', 'All')] [string]$Repair = 'None',
    [string]$LogPath,
    [ValidateRange(1KB, 1TB)] [long]$MaximumLogBytes = 10MB,
    [ValidateRange(1, 1000)] [int]$LogCount = 5,
    [string]$ReportPath,
    [ValidateScript({ $_ -is [scriptblock] -or (Test-Path -LiteralPath "$_" -PathType Leaf) })] [object]$Hook,
    [ValidateRange(1, 1024)] [int]$ThrottleLimit = [Environment]::ProcessorCount,
    [ValidateRange(1, [long]::MaxValue)] [long]$MaximumBytesPerSecond = [long]::MaxValue,
    [string]$Module = 'Qed'
)

$ErrorActionPreference = 'Stop'
. $PSScriptRoot/JobSupport.ps1

$corrected = 1
$uncorrected = 4
$operational = 8
$mostAttention = 100
$isAsking = [bool]$PSBoundParameters['Confirm']

$lock = $null
$log = $null
$summary = [pscustomobject]@{
    PSTypeName = 'Qed.Job.FsckSummary'
    Path       = $Path
    Started    = [DateTime]::Now
    Ended      = $null
    Images     = 0
    Clean      = 0
    Repaired   = 0
    Damaged    = 0
    Failed     = 0
    Online     = 0
    LogPath    = $LogPath
    ReportPath = $ReportPath
    Attention  = [Collections.Generic.List[psobject]]::new()
    ExitCode   = 0
}

function Add-Attention([string]$Image, [string]$Status, [string]$Message, [int]$Code) {
    $summary.ExitCode = $summary.ExitCode -bor $Code
    if ($Code -and $summary.Attention.Count -lt $mostAttention) {
        $summary.Attention.Add([pscustomobject]@{ Path = $Image; Status = $Status; Message = $Message })
    }
}

function Add-OperationalError([string]$Image, [string]$Message) {
    Write-Warning $Message
    Write-JobLog $log 'error' @{ path = $Image; message = $Message }
    Add-Attention -Image $Image -Status 'Failed' -Message $Message -Code $operational
}

function Repair-Image([psobject]$Report) {
    <# The report after the repair; the one before it where none was made. #>
    $arguments = @{ LiteralPath = $Report.Path; Mode = $Repair; Confirm = $isAsking; ErrorAction = 'Stop' }
    try {
        $repaired = Repair-QedImage @arguments
    }
    catch {
        $undo = $_.Exception.Path
        if ("$($_.Exception.Kind)" -ne 'ImageExists' -or "$undo" -notlike '*.undo' -or $Report.UnfinishedUndoPath) { throw }
        # It fits the image no more, and would keep it from ever being repaired again.
        Move-Item -LiteralPath $undo -Destination "$undo.old" -Force
        Write-JobLog $log 'undo' @{ path = $Report.Path; movedTo = "$undo.old" }
        $repaired = Repair-QedImage @arguments
    }
    if ($repaired) { $repaired } else { $Report }
}

function Get-FinalReport([psobject]$Report) {
    <# What there is to say of an image once all was done that may be done. #>
    $isWanted = $Report.Status -in 'Leaked', 'Corrupt' -or $Report.NeedsCheck -or $Report.UnfinishedUndoPath
    if ($Repair -ne 'None' -and $isWanted) {
        try {
            return Repair-Image $Report
        }
        catch {
            if ($_.FullyQualifiedErrorId -notlike 'ImageInUse,*') {
                Add-OperationalError $Report.Path "$_"
                return $Report
            }
        }
    }
    elseif ($Report.ErrorId -ne 'ImageInUse') {
        return $Report
    }
    Test-QedImage -LiteralPath $Report.Path -Online -IncludeFailed -MaximumBytesPerSecond $MaximumBytesPerSecond
}

function Add-Report([psobject]$Report) {
    <# Counts and logs an image. #>
    $changes = @($Report.Changes | Where-Object { $_ })
    [string[]]$firstChanges = $changes | Select-Object -First 20
    $isDamaged = -not $Report.IsClean -or $Report.UnfinishedUndoPath -or ($Report.Status -eq 'Failed' -and -not $Report.ErrorId)
    $code = if ($changes) { $corrected } else { 0 }
    # An image whose header is broken is a damaged one; any other that cannot be checked says nothing of its state.
    if ($Report.ErrorId -and $Report.ErrorId -notin 'ImageCorrupt', 'ImageNotRecognized', 'InvalidSize', 'InvalidGeometry') {
        $code = $code -bor $operational
        $summary.Failed++
    }
    elseif ($isDamaged) {
        $code = $code -bor $uncorrected
        $summary.Damaged++
    }
    elseif ($changes) { $summary.Repaired++ }
    else { $summary.Clean++ }
    $summary.Images++
    if ($Report.IsOnline) { $summary.Online++ }

    $message = if ($Report.Message) { $Report.Message } elseif ($isDamaged) { "$($Report.Corruptions) corruptions, $($Report.LeakedClusters) leaked clusters" } else { $firstChanges }
    Add-Attention -Image $Report.Path -Status "$($Report.Status)" -Message $message -Code $code
    Write-JobLog $log 'image' @{
        path = $Report.Path; status = "$($Report.Status)"; needsCheck = $Report.NeedsCheck; online = $Report.IsOnline
        corruptions = $Report.Corruptions; leakedBytes = $Report.LeakedBytes; error = $Report.ErrorId; message = $Report.Message
        changes = if ($changes) { $changes.Count }; firstChanges = $firstChanges
        undoPath = $Report.UndoPath; unfinishedUndoPath = $Report.UnfinishedUndoPath
    }
}

function Get-Report {
    <# The final report of each image, as soon as it is known. #>
    Find-Image $summary.Path $Filter { param($place, $message) Add-OperationalError $place $message } |
        Test-QedImage -SkipUnsupported -IncludeFailed -ThrottleLimit $ThrottleLimit -MaximumBytesPerSecond $MaximumBytesPerSecond |
        ForEach-Object {
            $report = Get-FinalReport $_
            # Deleted since it was listed: nothing that anybody need know.
            if ($report.ErrorId -eq 'ImageNotFound' -and -not (Get-Item -LiteralPath $report.Path -Force -ErrorAction Ignore)) { return }
            Add-Report $report
            $report
        }
}

function Invoke-Check {
    if ($ReportPath) {
        $summary.ReportPath = $PSCmdlet.GetUnresolvedProviderPathFromPSPath($ReportPath)
        Get-Report | Export-QedReport -DestinationPath $summary.ReportPath -Title "Images on $([Environment]::MachineName)" -Force -Confirm:$false
    }
    else {
        Get-Report | Out-Null
    }
}

function Invoke-Hook {
    if (-not $Hook -or $WhatIfPreference) { return }
    try {
        & $Hook $summary | ForEach-Object { Write-Verbose "$_" }
    }
    catch {
        Add-OperationalError '' "The hook failed: $_"
    }
}

try {
    try {
        Import-Module $Module
        $summary.Path = @($Path | ForEach-Object { $PSCmdlet.GetUnresolvedProviderPathFromPSPath($_) })
        if ($LogPath -and -not $WhatIfPreference) {
            $summary.LogPath = $PSCmdlet.GetUnresolvedProviderPathFromPSPath($LogPath)
            $lock = Enter-JobLock "$($summary.LogPath).lock"
            if (-not $lock) { exit $operational }
            $log = Open-JobLog $summary.LogPath $MaximumLogBytes $LogCount
        }
        Invoke-Check
    }
    catch {
        Add-OperationalError '' "$_"
    }
    $summary.Ended = [DateTime]::Now
    Invoke-Hook
    Write-JobLog $log 'end' @{
        images = $summary.Images; clean = $summary.Clean; repaired = $summary.Repaired; damaged = $summary.Damaged
        failed = $summary.Failed; online = $summary.Online; exitCode = $summary.ExitCode
    }
}
catch {
    # The log cannot be written, on a full disk say.
    Write-Error "$_" -ErrorAction Continue
    $summary.ExitCode = $summary.ExitCode -bor $operational
}
finally {
    Close-Job $lock $log
}
$summary
exit $summary.ExitCode
