<#
.SYNOPSIS
Checks, describes, hashes or converts the images of many hosts at once, over PowerShell remoting.
.DESCRIPTION
Each host works on its own images, with the module that is installed there; nothing but results crosses the network. They
come as soon as they are known, in no order, with all of their properties and with PSComputerName, and go on into
Where-Object, Export-Csv or Export-QedReport as results of this machine do.

A host that cannot be reached, dies, or falls silent for -TimeoutSeconds is one error, and ends nothing on the others. Each
of its images that has neither a result nor an error of its own then comes as a row with the status Failed and the ErrorId
NotDone. Piped into a second run, these rows are all that it takes on.

SSH (-HostName, -SSHConnection) takes PowerShell 7.3 or later here, and 7 on the hosts; WinRM (-ComputerName, -Session)
works from Windows PowerShell 5.1 as well. docs/fleet.md says how to set up either.
.OUTPUTS
What the command gives for each image, as it comes from another host: Deserialized.Qed.CheckReport of Test-QedImage, for example.
Qed.FleetImage for each image that is not done: Path, PSComputerName, Status, ErrorId and Message.
.EXAMPLE
Invoke-QedFleet.ps1 store1, store2, store3 /srv/images -Filter *.qed -Recurse | Export-QedReport fleet.html
Checks all images of three hosts over SSH, and makes one page of the reports.
.EXAMPLE
$results = Invoke-QedFleet.ps1 store1, store2 /srv/images/*.qed
$results | Where-Object ErrorId -eq NotDone | Invoke-QedFleet.ps1 store1, store2
Checks, and then once more what a host that was lost has not done.
.EXAMPLE
Invoke-QedFleet.ps1 -ComputerName hv1, hv2 -Path D:\Images\*.qed -Command Convert-QedImage -Parameter @{ DestinationPath = 'E:\VHDX'; Format = 'vhdx'; Verify = $true; SkipExisting = $true }
Converts over WinRM, each host into a folder of its own; what an earlier run has converted is passed over.
.EXAMPLE
Invoke-QedFleet.ps1 -SSHConnection @{ HostName = 'store1'; UserName = 'backup'; KeyFilePath = '~/.ssh/fleet' } -Path /srv/images/*.qed -Parameter @{ Online = $true; MaximumBytesPerSecond = 20MB }
Checks images in use, as a user with a key of its own, at no more than 20 MB a second each.
#>
[Diagnostics.CodeAnalysis.SuppressMessageAttribute('PSReviewUnusedParameter', '', Justification = 'The functions inside use them.')]
[CmdletBinding(DefaultParameterSetName = 'HostName', SupportsShouldProcess)]
param(
    # Hosts to reach over SSH, each as name or user@name.
    [Parameter(Mandatory, Position = 0, ParameterSetName = 'HostName')]
    [string[]]$HostName,

    # Hosts to reach over SSH, each as what Invoke-Command is to be told: HostName, UserName, Port, KeyFilePath, Options ...
    [Parameter(Mandatory, ParameterSetName = 'SSHConnection')]
    [hashtable[]]$SSHConnection,

    # Hosts to reach over WinRM.
    [Parameter(Mandatory, ParameterSetName = 'ComputerName')]
    [string[]]$ComputerName,

    # Sessions that are open already, of either kind. They are left open.
    [Parameter(Mandatory, ParameterSetName = 'Session')]
    [Management.Automation.Runspaces.PSSession[]]$Session,

    # The images on each host, as files, wildcards or folders. Without it, those of the rows that come by pipeline.
    [Parameter(Position = 1)]
    [string[]]$Path,

    # Of folders and wildcards, the files whose names match.
    [string]$Filter,

    # Folders with all that lies below them.
    [switch]$Recurse,

    # What each host does with its images.
    [ValidateSet('Test-QedImage', 'Get-QedImageInfo', 'Get-QedImageHash', 'Convert-QedImage')]
    [string]$Command = 'Test-QedImage',

    # What the command is to be told besides, by the names of its parameters; -ThrottleLimit here is of images on a host.
    [hashtable]$Parameter = @{},

    # What Invoke-Command is to be told to reach each host, by the names of its parameters: Credential, UseSSL, UserName ...
    [hashtable]$Connection = @{},

    # How many hosts work at the same time.
    [ValidateRange(1, 1024)]
    [int]$ThrottleLimit = 32,

    # How long a host may be silent, with neither a result nor progress on an image, until it is given up.
    [ValidateRange(1, 86400)]
    [int]$TimeoutSeconds = 300,

    # The module's name on the hosts, or its path there.
    [string]$Module = 'Qed',

    # Copies this machine's module to the hosts that have none, for the user who connects.
    [switch]$InstallModule,

    # Rows of an earlier run that are to be done, by their PSComputerName and Path.
    [Parameter(ValueFromPipeline)]
    [psobject]$InputObject
)

begin {
    # What runs on each host. It says first which images it will work on, so that it is known later which it has not, and
    # last that it has come to its end.
    $remote = {
        param($Path, $Filter, $Recurse, $Command, $Parameter, $Module, $Archive)

        function Install-FleetModule {
            <# The first folder for modules is the user's own. Hosts may share it, so the module appears there whole, by whichever is first. #>
            $modules = ($env:PSModulePath -split [IO.Path]::PathSeparator)[0]
            $new = (New-Item -ItemType Directory -Path (Join-Path $modules "Qed.$([guid]::NewGuid())")).FullName
            try {
                [IO.File]::WriteAllBytes("$new/Qed.zip", $Archive)
                Add-Type -AssemblyName System.IO.Compression.FileSystem
                [IO.Compression.ZipFile]::ExtractToDirectory("$new/Qed.zip", "$new/Qed")
                try { [IO.Directory]::Move("$new/Qed", "$modules/Qed") } catch { if (-not (Get-Module -ListAvailable -Name $Module)) { throw } }
            }
            finally {
                Remove-Item -LiteralPath $new -Recurse -Force
            }
        }

        function Get-FleetImage {
            $seen = [Collections.Generic.HashSet[string]]::new()
            foreach ($each in $Path) {
                # A name is a pattern only where there is no such file; what is named itself need not match the filter.
                $named = if (Test-Path -LiteralPath $each) { @{ LiteralPath = $each } } else { @{ Path = $each } }
                if ($Filter -and -not (Test-Path -LiteralPath $each -PathType Leaf)) { $named.Filter = $Filter }
                Get-ChildItem @named -File -Recurse:$Recurse | Where-Object { $seen.Add($_.FullName) } | ForEach-Object FullName
            }
        }

        function Get-Stem([string]$File, [string]$Root) {
            <# What an image and its target have in common: the name without extension, below a root with the folders between. #>
            $name = if ($Root) { $File.Substring($ExecutionContext.SessionState.Path.GetUnresolvedProviderPathFromPSPath($Root).TrimEnd('/\').Length + 1) } else { Split-Path $File -Leaf }
            $name -replace '\.[^./\\]*$'
        }

        function Add-SourcePath([string[]]$Image) {
            <# Says of each target which image it was made of. #>
            begin {
                $sourceOf = [Collections.Generic.Dictionary[string, string]]::new()
                foreach ($each in $Image) {
                    $stem = Get-Stem $each $Parameter.RelativeTo
                    if (-not $sourceOf.ContainsKey($stem)) { $sourceOf.Add($stem, $each) }
                }
                $root = if ($Parameter.RelativeTo) { $Parameter.DestinationPath }
            }
            process { $_ | Add-Member -NotePropertyName SourcePath -NotePropertyValue $sourceOf[(Get-Stem $_.Path $root)] -PassThru }
        }

        try {
            if (-not (Get-Module -ListAvailable -Name $Module)) {
                if (-not $Archive) { return [pscustomobject]@{ QedFleet = 'ModuleMissing' } }
                Install-FleetModule
            }
            Import-Module -Name $Module -ErrorAction Stop
            # Else the findings inside of reports would arrive as texts, and states as numbers.
            Update-TypeData -TypeName Qed.CheckReport -SerializationDepth 2 -Force
            foreach ($type in [Qed.CheckReport], [Qed.CheckIssue]) {
                $type.GetProperties().PropertyType | Where-Object IsEnum | ForEach-Object { Update-TypeData -TypeName $_.FullName -SerializationMethod String -Force }
            }

            $images = @(Get-FleetImage)
            [pscustomobject]@{ QedFleet = 'Images'; Images = [string[]]$images }
            if (-not $images) { Write-Error -Message "No file matches '$($Path -join "', '")'." -ErrorId ImageNotFound -Category ObjectNotFound -TargetObject $Path[0] }
            else {
                $known = (Get-Command $Command).Parameters
                # Whoever started this was asked there, and nobody is here. Results that wait for others' would be lost with the host.
                $extra = @{ Confirm = $false; PassThru = $true; Unordered = $true }
                foreach ($name in $extra.Keys) {
                    if ($known.ContainsKey($name) -and -not $Parameter.ContainsKey($name)) { $Parameter[$name] = $extra[$name] }
                }
                if ($Command -eq 'Convert-QedImage') { & $Command -LiteralPath $images @Parameter | Add-SourcePath $images }
                else { & $Command -LiteralPath $images @Parameter }
            }
            [pscustomobject]@{ QedFleet = 'Done' }
        }
        catch {
            [pscustomobject]@{ QedFleet = 'HostFailed'; Reason = "$_" }
        }
    }

    # What runs here for each host, in a session of its own. Invoke-Command by itself would not let progress be seen; and what
    # ends a job of a host that is gone waits for that host.
    $local = {
        param($Told)
        $job = Invoke-Command @Told -AsJob
        try {
            $child = $job.ChildJobs[0]
            do {
                $isOver = $child.State -notin 'NotStarted', 'Running'
                if ($child.Progress.ReadAll().Count) { [pscustomobject]@{ QedFleet = 'Alive' } }
                Receive-Job -Job $job
                Start-Sleep -Milliseconds 20
            } until ($isOver)
        }
        finally {
            $job.StopJob()
        }
    }

    function Get-ModuleArchive {
        <# This machine's module as the bytes of an archive that unpacks into a folder for modules. #>
        $own = @(Get-Module -Name Qed) + @(Get-Module -Name Qed -ListAvailable) | Select-Object -First 1
        if (-not $own) { throw 'The module Qed is not installed here, so it cannot be copied to the hosts.' }
        $folder = Join-Path ([IO.Path]::GetTempPath()) ([guid]::NewGuid())
        try {
            $version = New-Item -ItemType Directory -Path "$folder/Qed/$($own.Version)" -WhatIf:$false
            Copy-Item -Path "$($own.ModuleBase)/*" -Destination $version -Recurse -WhatIf:$false
            # Some ten times as fast as Compress-Archive.
            Add-Type -AssemblyName System.IO.Compression.FileSystem
            [IO.Compression.ZipFile]::CreateFromDirectory("$folder/Qed", "$folder/Qed.zip")
            , [IO.File]::ReadAllBytes("$folder/Qed.zip")
        }
        finally {
            Remove-Item -LiteralPath $folder -Recurse -WhatIf:$false
        }
    }

    function Get-FleetHost {
        <# Each host's name, and what Invoke-Command is told to reach it. #>
        foreach ($each in $HostName) { [pscustomobject]@{ Name = $each; Connection = @{ HostName = $each } } }
        foreach ($each in $SSHConnection) {
            $told = $each.Clone()
            if ($told.ContainsKey('ComputerName')) { $told.HostName = $told.ComputerName; $told.Remove('ComputerName') }
            $name = if ($told.Port) { "$($told.HostName):$($told.Port)" } else { "$($told.HostName)" }
            [pscustomobject]@{ Name = $name; Connection = $told }
        }
        foreach ($each in $ComputerName) { [pscustomobject]@{ Name = $each; Connection = @{ ComputerName = $each } } }
        foreach ($each in $Session) { [pscustomobject]@{ Name = $each.ComputerName; Connection = @{ Session = $each } } }
    }

    function Invoke-Work([psobject]$Work) {
        <# Lets a host begin. #>
        $told = $Connection.Clone()
        foreach ($name in $Work.Connection.Keys) { $told[$name] = $Work.Connection[$name] }
        if ($told.ContainsKey('HostName')) {
            # By itself, ssh waits for ever for a host that is gone without a word.
            $options = @{ ServerAliveInterval = 15; ServerAliveCountMax = 3; ConnectTimeout = [Math]::Min(30, $TimeoutSeconds) }
            if ($told.Options) { foreach ($name in $told.Options.Keys) { $options[$name] = $told.Options[$name] } }
            $told.Options = $options
        }
        $told.ScriptBlock = $remote
        $told.ArgumentList = $Work.Paths.ToArray(), $Filter, $Recurse.IsPresent, $Command, $Parameter, $Module, $archive
        $Work.Shell = [powershell]::Create().AddScript($local).AddArgument($told)
        $Work.News.Restart()
        $Work.Start = Get-Date
        $null = $Work.Shell.BeginInvoke($nothing, $Work.Output)
    }

    function Receive-Work([psobject]$Work) {
        <# Hands on what a host has sent since the last time. #>
        foreach ($result in $Work.Output.ReadAll()) {
            $Work.News.Restart()
            if ($result.QedFleet -eq 'Images') { $Work.Images = @($result.Images); continue }
            if ($result.QedFleet -eq 'Alive') { continue }
            if ($result.QedFleet) { $Work.Last = $result; continue }
            $null = $Work.Done.Add($(if ($result.SourcePath) { $result.SourcePath } else { $result.Path }))
            # The name that the host was called by, which a second run is called with again.
            $result | Add-Member -NotePropertyName PSComputerName -NotePropertyValue $Work.Name -Force -PassThru
        }
        foreach ($text in $Work.Shell.Streams.Warning.ReadAll()) { Write-Warning "[$($Work.Name)] $text" }
        foreach ($failure in $Work.Shell.Streams.Error.ReadAll()) {
            $Work.News.Restart()
            # What went wrong on the host comes as a RemoteException; all else is the connection's.
            if ($failure.Exception -isnot [Management.Automation.RemoteException]) { $Work.Failure = $failure.Exception; continue }
            $null = $Work.Done.Add("$($failure.TargetObject)")
            # Paths are much the same on all hosts.
            $failure.ErrorDetails = [Management.Automation.ErrorDetails]::new("[$($Work.Name)] $failure")
            $PSCmdlet.WriteError($failure)
        }
    }

    function Complete-Work([psobject]$Work, [string]$Id, [string]$Reason) {
        <# Tells of a host that did not come to its end: one error, and a row for each image that is not done. #>
        $listed = if ($Work.Images) { $Work.Images } else { $Work.Paths }
        $left = @($listed | Where-Object { -not $Work.Done.Contains($_) })
        $count = if ($Work.Images) { "$($left.Count) of its $($Work.Images.Count) images are not done" } else { 'none of its images is done' }
        $category = switch ($Id) { 'HostTimedOut' { 'OperationTimeout' } 'ModuleMissing' { 'NotInstalled' } 'HostFailed' { 'NotSpecified' } default { 'ConnectionError' } }
        foreach ($image in $left) {
            $name = ($image -split '[/\\]')[-1]
            $row = [pscustomobject]@{
                PSTypeName = 'Qed.FleetImage'; Path = $image; Name = $name; Status = 'Failed'; ErrorId = 'NotDone'
                Message = "Not done: $Reason"; PSComputerName = $Work.Name; PSShowComputerName = $true
                # What the view of check reports shows.
                StatusText = 'Failed'; Severity = 2; NameText = "$name (NotDone)"; Directory = $image.Substring(0, $image.Length - $name.Length)
            }
            $row.PSObject.TypeNames.Insert(1, 'Qed.CheckReport')
            $row
        }
        $text = "Host '$($Work.Name)': $($Reason.TrimEnd('.')). So $count."
        $PSCmdlet.WriteError([Management.Automation.ErrorRecord]::new([InvalidOperationException]::new($text), $Id, $category, $Work.Name))
    }

    function Disconnect-Work([psobject]$Work) {
        <# Begins to stop a host, for which nothing waits: one that is gone does not answer. Nor does this process end while ssh waits for it. #>
        $Work.Shell.BeginStop($null, $null)
        if ($Work.Connection.ContainsKey('HostName') -and $Work.News.Elapsed.TotalSeconds -gt $TimeoutSeconds) {
            $its = '(?<![^\s@"])' + [regex]::Escape("$($Work.Connection.HostName)" -replace '^.*@') + '(?![^\s"])'
            Get-Process -Name ssh -ErrorAction Ignore | Where-Object {
                $_.Parent.Id -eq $PID -and $_.StartTime.AddSeconds(1) -ge $Work.Start -and $_.CommandLine -match $its -and (-not $Work.Connection.Port -or $_.CommandLine -match "-p $($Work.Connection.Port)\b")
            } | Stop-Process -Force -WhatIf:$false -Confirm:$false
        }
    }

    function Get-End([psobject]$Work) {
        <# How a host's work has ended: an error id and a reason, both empty where all was well. #>
        $reason = if ($Work.Failure) { $Work.Failure.Message } else { "$($Work.Shell.InvocationStateInfo.Reason.Message)" }
        if ($Work.Last.QedFleet -eq 'Done') { '', '' }
        elseif ($Work.Last.QedFleet -eq 'ModuleMissing') { 'ModuleMissing', "the module $Module is not installed there. Install it (Install-PSResource Qed), name its path with -Module, or let -InstallModule copy it" }
        elseif ($Work.Last) { $Work.Last.QedFleet, $Work.Last.Reason }
        elseif ($null -eq $Work.Images) { 'HostUnreachable', "it cannot be reached: $reason" }
        else { 'HostLost', "it was lost while it worked: $reason" }
    }

    $nothing = [Management.Automation.PSDataCollection[psobject]]::new()
    $nothing.Complete()
    if ($Path -and $MyInvocation.ExpectingInput) { throw '-Path and rows by pipeline exclude each other.' }
    $fleet = [Collections.Generic.Dictionary[string, psobject]]::new([StringComparer]::OrdinalIgnoreCase)
    foreach ($each in Get-FleetHost) {
        if ($fleet.ContainsKey($each.Name)) { throw "Two of the hosts are called '$($each.Name)'." }
        $fleet.Add($each.Name, [pscustomobject]@{
                Name = $each.Name; Connection = $each.Connection; Paths = [Collections.Generic.List[string]]::new()
                Shell = $null; Start = $null; Output = [Management.Automation.PSDataCollection[psobject]]::new(); News = [Diagnostics.Stopwatch]::new()
                Images = $null; Last = $null; Failure = $null
                Done = [Collections.Generic.HashSet[string]]::new()
            })
        if ($Path) { $fleet[$each.Name].Paths.AddRange($Path) }
    }
}

process {
    if ($null -eq $InputObject) { return }
    if ($InputObject.PSComputerName -and $InputObject.Path -and $fleet.ContainsKey($InputObject.PSComputerName)) {
        $fleet[$InputObject.PSComputerName].Paths.Add($InputObject.Path)
        return
    }
    $text = "'$InputObject' names no image of these hosts: it takes a Path, and a PSComputerName that is one of $($fleet.Keys -join ', ')."
    $PSCmdlet.WriteError([Management.Automation.ErrorRecord]::new([ArgumentException]::new($text), 'ImageNotOfFleet', 'InvalidArgument', $InputObject))
}

end {
    if (-not $Path -and -not $MyInvocation.ExpectingInput) { throw 'Name the images on the hosts with -Path, or pipe rows of an earlier run.' }
    $all = @($fleet.Values | Where-Object { $_.Paths.Count -gt 0 })
    $waiting = [Collections.Generic.Queue[psobject]]::new()
    foreach ($work in $all) {
        if ($Command -notlike 'Convert-*' -or $PSCmdlet.ShouldProcess($work.Name, "$Command of $($work.Paths -join ', ')")) { $waiting.Enqueue($work) }
    }
    $archive = $null
    if ($InstallModule -and $waiting.Count) { $archive = Get-ModuleArchive }
    $running = [Collections.Generic.List[psobject]]::new()
    $clock = [Diagnostics.Stopwatch]::StartNew()
    try {
        while ($waiting.Count -or $running.Count) {
            while ($waiting.Count -and $running.Count -lt $ThrottleLimit) {
                $running.Add($waiting.Dequeue())
                Invoke-Work $running[-1]
            }
            foreach ($work in $running.ToArray()) {
                # Asked before what it has sent is read, so that nothing comes after that.
                $isOver = $work.Shell.InvocationStateInfo.State -ne 'Running'
                Receive-Work $work
                $id, $reason = if ($isOver) { Get-End $work }
                elseif ($work.News.Elapsed.TotalSeconds -gt $TimeoutSeconds) { 'HostTimedOut', "it has sent nothing for $TimeoutSeconds seconds" }
                else { continue }
                $null = $running.Remove($work)
                if ($isOver) { $work.Shell.Dispose() } else { $null = Disconnect-Work $work }
                if ($id) { Complete-Work -Work $work -Id $id -Reason $reason }
            }
            if ($clock.ElapsedMilliseconds -gt 250) {
                $clock.Restart()
                $known = $done = 0
                foreach ($work in $all) {
                    $done += $work.Done.Count
                    if ($work.Images) { $known += $work.Images.Count }
                }
                Write-Progress -Activity $Command -Status "$done of $known images, $($running.Count + $waiting.Count) of $($all.Count) hosts at work"
            }
            Start-Sleep -Milliseconds 20
        }
    }
    finally {
        # Ctrl+C and Select-Object -First end here too.
        $stops = @($running | ForEach-Object { Disconnect-Work $_ })
        foreach ($stop in $stops) { $null = $stop.AsyncWaitHandle.WaitOne(3000) }
        Write-Progress -Activity $Command -Completed
    }
}
