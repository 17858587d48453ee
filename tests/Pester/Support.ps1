# Dot-sourced by every test file: imports the module under test and makes test images.

# What separates folders where this runs: "$folder${/}a.qed" is a path as results and messages have it.
Set-Variable -Name / -Value ([IO.Path]::DirectorySeparatorChar)

function Test-Wine {
    <# Whether this is Wine's Windows, which lacks some of what Windows has: tests/Windows. #>
    (-not $IsLinux) -and (Test-Path -LiteralPath HKCU:\Software\Wine)
}

function Get-QedManifest {
    <# The manifest of the module under test: QED_MODULE, or the newest build in out/Qed. #>
    if ($env:QED_MODULE) {
        $path = $env:QED_MODULE
    }
    else {
        $path = Get-ChildItem -Path "$PSScriptRoot/../../out/Qed" -Directory |
            Sort-Object -Property { [version]$_.Name } |
            Select-Object -Last 1 -ExpandProperty FullName
    }
    if (Test-Path -LiteralPath $path -PathType Container) { Join-Path $path 'Qed.psd1' } else { $path }
}

function New-Folder([string]$Name = [guid]::NewGuid().ToString('N')) {
    <# A folder of a test's own, by its path on the host. #>
    (New-Item -ItemType Directory -Path (Join-Path (Get-Item -LiteralPath TestDrive:\).FullName $Name)).FullName
}

function New-RawFile([string]$Path, [int]$Length = 1MB, [int]$Seed = 1) {
    <# A raw image of bytes that look random but are the same each time; its second quarter is zero. #>
    $bytes = [byte[]]::new($Length)
    [Random]::new($Seed).NextBytes($bytes)
    [Array]::Clear($bytes, $Length / 4, $Length / 4)
    [IO.File]::WriteAllBytes($Path, $bytes)
    (Get-Item -LiteralPath $Path).FullName
}

function New-FilledImage([string]$Path, [int]$Length = 1MB, [int]$Seed = 1) {
    <# A QED image with data in it. #>
    $raw = New-RawFile "$Path.source.raw" $Length $Seed
    Convert-QedImage -LiteralPath $raw -DestinationPath $Path -Format qed -Force
    Remove-Item -LiteralPath $raw
    (Get-Item -LiteralPath $Path).FullName
}

function Get-ContentHash([string]$Path, [string]$Folder = [IO.Path]::GetDirectoryName($Path)) {
    <# What a guest would read, whatever the format. #>
    $raw = Join-Path $Folder "$([guid]::NewGuid().ToString('N')).raw"
    try {
        Convert-QedImage -LiteralPath $Path -DestinationPath $raw -Format raw
        (Get-FileHash -LiteralPath $raw).Hash
    }
    finally {
        Remove-Item -LiteralPath $raw -ErrorAction Ignore
    }
}

function Test-Zero([string]$Path, [long]$Offset, [int]$Count) {
    <# Whether a guest reads nothing but zeroes in a range. #>
    $raw = (Convert-QedImage -LiteralPath $Path -DestinationPath "$Path.zero.raw" -Format raw -Force -PassThru).Path
    $bytes = [IO.File]::ReadAllBytes($raw)
    Remove-Item -LiteralPath $raw
    -not [Text.Encoding]::GetEncoding(28591).GetString($bytes, $Offset, $Count).Trim([char]0)
}

function Set-FileLength([string]$Path, [long]$Length) {
    $file = [IO.File]::OpenWrite($Path)
    $file.SetLength($Length)
    $file.Dispose()
}

function Get-UInt64([string]$Path, [long]$Offset) {
    $file = [IO.File]::OpenRead($Path)
    try {
        $null = $file.Seek($Offset, 'Begin')
        [IO.BinaryReader]::new($file).ReadUInt64()
    }
    finally {
        $file.Dispose()
    }
}

function Write-UInt64([string]$Path, [long]$Offset, [uint64[]]$Value) {
    $bytes = [byte[]]::new(8 * $Value.Count)
    [Buffer]::BlockCopy($Value, 0, $bytes, 0, $bytes.Count)
    $file = [IO.File]::OpenWrite($Path)
    try {
        $null = $file.Seek($Offset, 'Begin')
        $file.Write($bytes, 0, $bytes.Count)
    }
    finally {
        $file.Dispose()
    }
}

function Set-Corruption([string]$Path) {
    <# Lets the entry of the first cluster point far behind the end of the file. #>
    $l1 = Get-UInt64 $Path 40
    Write-UInt64 $Path (Get-UInt64 $Path $l1) 0x7fff0000
}

function Add-Leak([string]$Path, [int]$Cluster = 2) {
    <# Adds clusters to the file that nothing references. #>
    $file = [IO.File]::Open($Path, 'Append')
    $file.Write([byte[]]::new($Cluster * 64KB), 0, $Cluster * 64KB)
    $file.Dispose()
}

function New-EndlessImage([string]$Path, [uint64]$Size = 64GB) {
    <# A small qcow2 file whose guest sees gigabytes of data: every entry maps one cluster, which is counted as shared. Work on it takes long. #>
    $cluster = 64KB
    # The header, the table of the counts, the counts, the L1 table, the L2 table that is all there is, and the data.
    $bytes = [byte[]]::new(6 * $cluster)
    function Set-Number([int]$Offset, [uint64]$Value, [int]$Width) {
        for ($i = $Width - 1; $i -ge 0; $i--) {
            $bytes[$Offset + $i] = $Value -band 255
            $Value = $Value -shr 8
        }
    }
    $l1Entries = [int][Math]::Ceiling($Size / 512MB)
    foreach ($field in (0, 0x514649fb, 4), (4, 3, 4), (20, 16, 4), (24, $Size, 8), (36, $l1Entries, 4), (40, (3 * $cluster), 8), (48, $cluster, 8), (56, 1, 4), (96, 4, 4), (100, 104, 4)) {
        Set-Number @field
    }
    Set-Number $cluster (2 * $cluster) 8
    foreach ($count in (0, 1), (1, 1), (2, 1), (3, 1), (4, $l1Entries), (5, 65535)) {
        Set-Number (2 * $cluster + 2 * $count[0]) $count[1] 2
    }
    for ($i = 0; $i -lt $l1Entries; $i++) { $bytes[3 * $cluster + 8 * $i + 5] = 4 }
    for ($i = 0; $i -lt 8192; $i++) { $bytes[4 * $cluster + 8 * $i + 5] = 5 }
    for ($i = 0; $i -lt $cluster; $i++) { $bytes[5 * $cluster + $i] = 1 + $i % 255 }
    [IO.File]::WriteAllBytes($Path, $bytes)
    (Get-Item -LiteralPath $Path).FullName
}

function New-TangledImage([string]$Path, [uint64]$Size) {
    <# A QED image whose entries all map the same cluster, so that a repair has much to separate. #>
    $null = New-QedImage -LiteralPath $Path -SizeBytes $Size
    $l1 = Get-UInt64 $Path 40
    $table = [uint64](Get-Item -LiteralPath $Path).Length
    $data = $table + 256KB
    Write-UInt64 $Path $l1 ([uint64[]](@($table) * [Math]::Ceiling($Size / 2GB)))
    Write-UInt64 $Path $table ([uint64[]](@($data) * 32768))
    Set-FileLength $Path ($data + 64KB)
    (Get-Item -LiteralPath $Path).FullName
}

function New-ScatteredImage([string]$Path, [uint64]$Size = 64GB) {
    <# A file with a gap as large as all its data, which lies behind it and is holes for the host but for a cluster: giving the gap back moves a million clusters. #>
    $null = New-QedImage -LiteralPath $Path -SizeBytes $Size
    $l1 = Get-UInt64 $Path 40
    $tables = [int]($Size / 2GB)
    $table = [uint64](Get-Item -LiteralPath $Path).Length
    Write-UInt64 $Path $l1 ([uint64[]](0..($tables - 1)).ForEach({ $table + $_ * 256KB }))
    # The last entries first: what is moved down is not in order already.
    $data = $table + $tables * 256KB + $Size
    $entries = [uint64[]]::new($tables * 32768)
    for ($i = 0; $i -lt $entries.Count; $i++) { $entries[$i] = $data + ($entries.Count - 1 - $i) * 64KB }
    Write-UInt64 $Path $table $entries
    Set-FileLength $Path ($data + $Size)
    # Holes are free; one cluster of the gap is not, and makes it worth giving back.
    Write-UInt64 $Path ($table + $tables * 256KB) ([uint64[]]1)
    (Get-Item -LiteralPath $Path).FullName
}

function Get-WorkDone {
    <# Bytes that this process has read and written so far; nothing where the system does not tell. #>
    if (-not $IsLinux) { return [uint64]0 }
    $sum = [uint64]0
    foreach ($line in [IO.File]::ReadAllLines('/proc/self/io')) {
        if ($line -match '^[rw]char: (\d+)') { $sum += [uint64]$Matches[1] }
    }
    $sum
}

function Get-Fingerprint([string]$Folder) {
    <# Every name, byte and time stamp in a folder. #>
    Get-ChildItem -LiteralPath $Folder -Recurse -File | Sort-Object FullName | ForEach-Object {
        '{0} {1} {2}' -f $_.FullName, $_.LastWriteTimeUtc.Ticks, (Get-FileHash -LiteralPath $_.FullName).Hash
    }
}

function Get-OpenFile([string]$Folder, [int]$ProcessId = $PID) {
    <# The files of a folder that a process holds open, also those that have no name yet. #>
    if ($IsLinux) {
        Get-ChildItem -LiteralPath "/proc/$ProcessId/fd" -ErrorAction Ignore |
            ForEach-Object { try { [IO.File]::ResolveLinkTarget($_.FullName, $false).FullName } catch { $null = 'Closed since it was listed.' } } |
            Where-Object { $_ -and $_.StartsWith($Folder) }
    }
    else {
        Get-ChildItem -LiteralPath $Folder -File | Where-Object {
            try { [IO.File]::Open($_.FullName, 'Open', 'ReadWrite', 'None').Dispose(); $false } catch { $true }
        } | ForEach-Object FullName
    }
}

function Get-Failure([scriptblock]$Action) {
    <# The errors that do not end an action; what it emits is dropped. #>
    @(& $Action 2>&1 | Where-Object { $_ -is [Management.Automation.ErrorRecord] })
}

function New-RemedyTable([type]$Cmdlet) {
    <# What a cmdlet calls remedies. #>
    [Activator]::CreateInstance($Cmdlet.Assembly.GetType('Qed.PowerShell.Pipeline.RemedyWords'), $Cmdlet)
}

function Get-RemedyText($Words, [Qed.Remedy]$Remedy) {
    <# A remedy in these words. #>
    $of = $Words.GetType().GetMethod('Of', [Reflection.BindingFlags]'Instance, NonPublic')
    $Remedy.Say([Delegate]::CreateDelegate([Func[Qed.Remedy, string]], $Words, $of))
}

# What each cmdlet needs beside the image, so that all can be called alike and emit something of each image.
# Missing here, a cmdlet would ask for it and wait for ever.
function Get-Argument([string]$Cmdlet, [string]$Base) {
    switch ($Cmdlet) {
        'Compare-QedImage' { @{ DifferencePath = $Base } }
        'Convert-QedImage' { @{ DestinationPath = (New-Folder); Format = 'raw'; Force = $true; PassThru = $true } }
        'Copy-QedImageContent' { @{ Bytes = [byte[]]::new(3); Confirm = $false; PassThru = $true } }
        'Get-QedImageHash' { @{ Algorithm = 'SHA1' } }
        'Get-QedImageInfo' { @{} }
        'Get-QedImageMap' { @{} }
        'Measure-QedImage' { @{ Format = 'raw' } }
        'Merge-QedImage' { @{ Confirm = $false; PassThru = $true } }
        'New-QedImage' { @{ SizeBytes = 1MB; Force = $true } }
        'Optimize-QedImage' { @{ Confirm = $false; PassThru = $true } }
        'Repair-QedImage' { @{ Confirm = $false } }
        'Resize-QedImage' { @{ SizeBytes = 48MB; PassThru = $true } }
        'Set-QedBackingFile' { @{ BackingPath = $Base; MetadataOnly = $true; Confirm = $false; PassThru = $true } }
        'Test-QedImage' { @{} }
        default { throw "Say here how $_ is called." }
    }
}

function Add-Beneath([string]$Cmdlet, [string[]]$Path) {
    <# Gives images what a cmdlet asks of them: an image to be merged rests on one of its own name, in another folder. #>
    if ($Cmdlet -ne 'Merge-QedImage') { return }
    $beneath = New-Folder
    foreach ($image in $Path) {
        $base = (New-QedImage -LiteralPath "$beneath/$([IO.Path]::GetFileName($image))" -SizeBytes 1MB).Path
        Set-QedBackingFile -LiteralPath $image -BackingPath $base -BackingFormat qed -Confirm:$false
    }
}

function Get-Name($Result) {
    <# The names of images without folder and extension: a conversion's target is named after its source, and what is merged into after what was merged. #>
    @($Result | ForEach-Object { [IO.Path]::GetFileNameWithoutExtension($_.Path) } | Sort-Object)
}

function Start-Session([scriptblock]$Script, [hashtable]$Variable = @{}, [int]$Answer = 0) {
    <# Starts a script in a session of its own, whose host keeps what it shows and gives every question the same answer. #>
    if (-not ('QedTests.RecordingHost' -as [type])) {
        Add-Type -Path $PSScriptRoot/RecordingHost.cs
    }
    $recorder = [QedTests.RecordingHost]::new($Answer)
    $runspace = [runspacefactory]::CreateRunspace($recorder, [initialsessionstate]::CreateDefault2())
    $runspace.Open()
    $Variable.Keys | ForEach-Object { $runspace.SessionStateProxy.SetVariable($_, $Variable[$_]) }
    $shell = [powershell]::Create()
    $shell.Runspace = $runspace
    $null = $shell.AddCommand('Import-Module').AddArgument((Get-QedManifest)).AddStatement().AddScript($Script)
    $nothing = [Management.Automation.PSDataCollection[psobject]]::new()
    $nothing.Complete()
    $output = [Management.Automation.PSDataCollection[psobject]]::new()
    [pscustomobject]@{
        Shell   = $shell
        Host    = $recorder
        Output  = $output
        Errors  = $shell.Streams.Error
        Failure = $null
        Running = $shell.BeginInvoke($nothing, $output)
    }
}

function Complete-Session([psobject]$Session) {
    <# Waits for a session's end and closes it. What ended it early is its Failure. #>
    try { $null = $Session.Shell.EndInvoke($Session.Running) } catch { $Session.Failure = $_.Exception.InnerException }
    $Session.Shell.Runspace.Dispose()
    $Session.Shell.Dispose()
    $Session
}

function Invoke-Session([scriptblock]$Script, [hashtable]$Variable = @{}, [int]$Answer = 0) {
    Complete-Session (Start-Session $Script $Variable $Answer)
}

function Get-PowerShellCommand {
    <# The program, and the first arguments to it, that start this PowerShell once more. As a .NET tool it runs in dotnet. #>
    $program = (Get-Process -Id $PID).Path
    if ([IO.Path]::GetFileNameWithoutExtension($program) -eq 'dotnet') { $program, "$PSHOME/pwsh.dll" } else { $program }
}

function Invoke-Child([scriptblock]$Script) {
    <# Runs a script in a process of its own, which imports nothing by itself, and returns the lines that it writes. #>
    $file = Join-Path (New-Folder) 'child.ps1'
    Set-Content -LiteralPath $file -Value "param(`$Manifest, `$Folder)`n`$ErrorActionPreference = 'Stop'`n$Script" -Encoding utf8
    $program, [string[]]$first = Get-PowerShellCommand
    $lines = & $program @first -NoProfile -NonInteractive -File $file (Get-QedManifest) (Split-Path $file)
    if ($LASTEXITCODE -ne 0) { throw "The child process failed: $lines" }
    $lines
}

function Start-Script([string]$File, [string[]]$Argument) {
    <# Starts a script in a process of its own; what it writes goes to Output and Error beside the process. #>
    $folder = New-Folder
    $program, [string[]]$first = Get-PowerShellCommand
    $process = Start-Process $program -NoNewWindow -PassThru -RedirectStandardOutput "$folder/output" -RedirectStandardError "$folder/error" -ArgumentList (
        $first + '-NoProfile', '-NonInteractive', '-File', $File + $Argument)
    # Without it the exit code is lost.
    $null = $process.Handle
    $process | Add-Member -PassThru -NotePropertyMembers @{ Output = "$folder/output"; Error = "$folder/error" }
}

function Test-Writing([Diagnostics.Process]$Process, [string]$Folder) {
    <# Whether another process is about a new image in a folder, which has its name only when it is whole (Linux). #>
    @(Get-OpenFile $Folder $Process.Id | Where-Object { $_ -like '* (deleted)' -or $_ -like '*.partial' }).Count -gt 0
}

function Wait-Until([scriptblock]$Condition, [int]$Seconds = 120) {
    $clock = [Diagnostics.Stopwatch]::StartNew()
    while (-not (& $Condition)) {
        if ($clock.Elapsed.TotalSeconds -gt $Seconds) { throw "Not within $Seconds seconds: $Condition" }
        Start-Sleep -Milliseconds 20
    }
}

function Open-ForWriting([string]$Path) {
    <# Holds an image as a virtual machine would. The caller disposes of it. #>
    [Qed.Operations.OpenImage]::ForWriting($Path)
}

# The list of servers is the user's: other test files run at the same time, and each stops those that it finds.
# (While Pester looks for tests there is no such drive.)
if (Test-Path -LiteralPath TestDrive:\) {
    Set-Item -LiteralPath "env:$(if ($IsLinux -or $IsMacOS) { 'XDG_DATA_HOME' } else { 'LOCALAPPDATA' })" -Value (New-Folder)
}

Import-Module (Get-QedManifest)
