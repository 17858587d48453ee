<#
.SYNOPSIS
What the scheduled jobs beside this file share: one run at a time, a log of JSON lines, finding images.
.DESCRIPTION
Dot-sourced by Invoke-QedFsck.ps1, Convert-QedFolder.ps1 and Invoke-QedNightly.ps1; it goes wherever they go.
#>

# Whatever the session has set: what a report or a journal lacks is $null.
Set-StrictMode -Off

function Enter-JobLock([string]$Path) {
    <# Opens a file that one run at a time can have open; nothing where another run has it. The system lets go of it with the process, however that ends. #>
    try {
        $null = [IO.Directory]::CreateDirectory([IO.Path]::GetDirectoryName($Path))
        # Never deleted: were it, two runs could each hold a file of this name.
        [IO.File]::Open($Path, 'OpenOrCreate', 'ReadWrite', 'None')
    }
    catch {
        # ERROR_SHARING_VIOLATION on Windows, EWOULDBLOCK on Linux and on macOS.
        if ($_.Exception.GetBaseException().HResult -notin -2147024864, 11, 35) { throw }
        Write-Error "Another run holds '$Path', so this one does nothing. The last start in the log beside it tells which process that is." -ErrorAction Continue
    }
}

function Open-JobLog([string]$Path, [long]$MaximumBytes = [long]::MaxValue, [int]$Count = 1, [switch]$Durable) {
    <# Begins a run in a log. Beyond the size the log gets the suffix .1, the one before it .2, and so on up to the count. #>
    $null = [IO.Directory]::CreateDirectory([IO.Path]::GetDirectoryName($Path))
    $log = [pscustomobject]@{
        Path         = $Path
        MaximumBytes = $MaximumBytes
        Count        = $Count
        Durable      = [bool]$Durable
        Run          = [guid]::NewGuid().ToString('N').Substring(0, 8)
        Stream       = $null
    }
    $end = [IO.File]::Open($Path, 'OpenOrCreate', 'ReadWrite', 'ReadWrite')
    try {
        # A run that was killed may have left half a line.
        if ($end.Length -gt 0) {
            $null = $end.Seek(-1, 'End')
            if ($end.ReadByte() -ne 10) { $end.WriteByte(10) }
        }
    }
    finally {
        $end.Dispose()
    }
    $log.Stream = [IO.File]::Open($Path, 'Append', 'Write', 'ReadWrite, Delete')
    Write-JobLog -Log $log -What 'start' -Data @{ process = $PID; host = [Environment]::MachineName }
    $log
}

function Write-JobLog([psobject]$Log, [string]$What, [Collections.IDictionary]$Data = @{}) {
    <# Appends a line; does nothing where there is no log. #>
    if (-not $Log) { return }
    $line = [ordered]@{ time = [DateTime]::UtcNow.ToString('o'); run = $Log.Run; event = $What }
    foreach ($key in $Data.Keys | Sort-Object) {
        if ($null -ne $Data[$key]) { $line[$key] = $Data[$key] }
    }
    $bytes = [Text.Encoding]::UTF8.GetBytes((ConvertTo-Json -InputObject $line -Compress) + "`n")
    if ($Log.Stream.Length -gt 0 -and $Log.Stream.Length + $bytes.Length -gt $Log.MaximumBytes) { Step-JobLog $Log }
    $Log.Stream.Write($bytes, 0, $bytes.Length)
    $Log.Stream.Flush($Log.Durable)
}

function Read-JobLog([string[]]$Path) {
    <# The entries of logs, of those that there are. #>
    foreach ($log in $Path | Where-Object { [IO.File]::Exists($_) }) {
        # A run reads the log that it writes itself, which Windows refuses to whoever would let nobody write.
        $reader = [IO.StreamReader]::new([IO.File]::Open($log, 'Open', 'Read', 'ReadWrite, Delete'))
        try {
            while ($null -ne ($line = $reader.ReadLine())) {
                # The last line of a run that was killed may be half a one.
                try { ConvertFrom-Json $line } catch { continue }
            }
        }
        finally {
            $reader.Dispose()
        }
    }
}

function Step-JobLog([psobject]$Log) {
    <# Puts the log aside and begins an empty one. #>
    $Log.Stream.Dispose()
    try {
        [IO.File]::Delete("$($Log.Path).$($Log.Count)")
        for ($i = $Log.Count - 1; $i -ge 1; $i--) {
            if ([IO.File]::Exists("$($Log.Path).$i")) { [IO.File]::Move("$($Log.Path).$i", "$($Log.Path).$($i + 1)") }
        }
        [IO.File]::Move($Log.Path, "$($Log.Path).1")
    }
    catch [IO.IOException] {
        Write-Verbose "The log goes on beyond its size because somebody holds it: $_"
    }
    $Log.Stream = [IO.File]::Open($Log.Path, 'Append', 'Write', 'ReadWrite, Delete')
}

function Close-Job([IDisposable]$Lock, [psobject]$Log) {
    if ($Log) { $Log.Stream.Dispose() }
    if ($Lock) { $Lock.Dispose() }
}

function Resolve-Place([string]$Place) {
    <# The full path of a file or folder that need not be there, from where the user stands. #>
    [IO.Path]::GetFullPath($PSCmdlet.GetUnresolvedProviderPathFromPSPath($Place))
}

function Find-Image([string[]]$Path, [string]$Filter, [scriptblock]$OnError) {
    <# The files of folders, streamed. What cannot be listed is told to the script block and keeps nothing else from being listed. #>
    foreach ($folder in $Path) {
        if (-not [IO.Directory]::Exists($folder)) {
            & $OnError $folder "'$folder' is no folder."
            continue
        }
        Get-ChildItem -LiteralPath $folder -Filter $Filter -File -Recurse -ErrorAction Continue 2>&1 | ForEach-Object {
            if ($_ -is [Management.Automation.ErrorRecord]) { & $OnError "$($_.TargetObject)" "$_" } else { $_ }
        }
    }
}

function Get-Stamp([string]$Path) {
    <# Two stamps that are equal tell that nobody wrote a file in between. #>
    $file = [IO.FileInfo]::new($Path)
    "$($file.Length) $($file.LastWriteTimeUtc.Ticks)"
}

function Get-RealPath([string]$Path) {
    <# A path without symbolic links and junctions in it, so that two names of a file can be told to be the same one. #>
    $real = [IO.Path]::GetPathRoot($Path)
    foreach ($name in $Path.Substring($real.Length).Split([char[]]'\/', [StringSplitOptions]::RemoveEmptyEntries)) {
        $next = [IO.Path]::Combine($real, $name)
        $item = Get-Item -LiteralPath $next -Force -ErrorAction Ignore
        if ($item -and $item.LinkType -in 'SymbolicLink', 'Junction') {
            $next = Get-RealPath ([IO.Path]::GetFullPath([IO.Path]::Combine($real, @($item.Target)[0])))
        }
        $real = $next
    }
    $real
}
