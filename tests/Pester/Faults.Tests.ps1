# What holds where the system fails a call of a PowerShell process, or kills it at one: strace does both.

BeforeDiscovery {
    $canTrace = $IsLinux -and (Get-Command strace -CommandType Application -ErrorAction Ignore) -and $(strace -qq -o /dev/null true; $LASTEXITCODE -eq 0)
    $errors = @(
        @{ Calls = 'fsync'; Fault = 'EIO'; Id = 'AccessDenied'; Words = 'the device reported an I/O error' }
        @{ Calls = 'pwrite64'; Fault = 'ENOSPC'; Id = 'NotEnoughSpace'; Words = 'the disk is full' }
    )
    $works = @(
        @{ Name = 'converting'; Script = { Convert-QedImage "$Folder/image.qed" "$Folder/target.vhdx" -Force } }
        @{ Name = 'repairing'; Script = { Repair-QedImage "$Folder/image.qed" -Confirm:$false }; IsBroken = $true }
    )
    # So many times as many kills as usual, of more works, and as many at moments: docs/reliability.md.
    $factor = [Math]::Max(1, [int]$env:QED_KILLS)
    if ($factor -gt 1) {
        $works += @(
            @{ Name = 'optimizing'; Script = { Optimize-QedImage "$Folder/image.qed" -Mode Defragment -Confirm:$false } }
            @{ Name = 'shrinking'; Script = { Resize-QedImage "$Folder/image.qed" 300KB -AllowShrink -Confirm:$false }; Size = 300KB }
            @{ Name = 're-parenting'; Script = { Set-QedBackingFile "$Folder/image.qed" -None -Confirm:$false } }
            @{ Name = 'merging'; Script = { Merge-QedImage "$Folder/image.qed" -Confirm:$false -WarningAction SilentlyContinue } }
        )
    }
    $kills = @{ Works = $works; Factor = $factor }
}

BeforeAll {
    . $PSScriptRoot/Support.ps1

    # What a call is named by on any processor; the runtime's own files are not written.
    $changing = 'pwrite64,fallocate,ftruncate,fsync,linkat'

    function Invoke-Traced([string]$Calls, [string]$Fault, [string]$Folder, [scriptblock]$Script) {
        <# Runs a script in a process whose system calls fail or kill it: what it wrote, how it ended, and each of the calls that were looked at. #>
        $own = New-Folder
        Set-Content -LiteralPath "$own/child.ps1" -Encoding utf8 -Value "param(`$Folder)`nImport-Module '$(Get-QedManifest)'`n$Script"
        # The kernel sorts out the other calls, which is faster; but then strace delivers no signals.
        [string[]]$sorting = if ($Fault -like 'error*') { '--seccomp-bpf' }
        $program, [string[]]$first = Get-PowerShellCommand
        $lines = & strace @sorting -f -qq -y -E DOTNET_EnableWriteXorExecute=0 -E PSModuleAnalysisCachePath=/dev/null -o "$own/log" -e "trace=$Calls" -e "inject=${Calls}:$Fault" $program @first -NoProfile -NonInteractive -File "$own/child.ps1" $Folder 2>$null
        [pscustomobject]@{
            Lines = $lines
            ExitCode = $LASTEXITCODE
            Calls = @(Get-Content -LiteralPath "$own/log" | Where-Object { $_ -match '^\d+ +\w+\(' })
        }
    }

    function Invoke-Killed([string]$Folder, [scriptblock]$Script, [int]$Milliseconds) {
        <# Runs a script in a process that is killed so long after it has begun, if it runs that long. #>
        $own = New-Folder
        Set-Content -LiteralPath "$own/child.ps1" -Encoding utf8 -Value "param(`$Folder)`nImport-Module '$(Get-QedManifest)'`n'begun'`n$Script"
        $process = Start-Script "$own/child.ps1" $Folder
        Wait-Until { $process.HasExited -or (Get-Item -LiteralPath $process.Output).Length -gt 0 }
        Start-Sleep -Milliseconds $Milliseconds
        $process.Kill()
        $process.WaitForExit()
    }

    function New-Work([switch]$Broken) {
        <# A folder with an image that rests on another one, written from its end to its start, so that there is much to move. #>
        $folder = New-Folder
        $base = New-RawFile "$folder/base.raw" 1MB 1
        $image = (New-QedImage "$folder/image.qed" -ClusterSizeBytes 4KB -TableSize 2 -BackingPath $base -BackingFormat raw).Path
        foreach ($offset in 900KB, 700KB, 500KB, 300KB, 100KB) {
            $bytes = [byte[]]::new(60KB)
            [Random]::new($offset).NextBytes($bytes)
            Copy-QedImageContent $image $offset -Bytes $bytes -Confirm:$false
        }
        if ($Broken) {
            Set-Corruption $image
            $file = [IO.File]::Open($image, 'Append')
            $file.Write($bytes, 0, 12KB)
            $file.Dispose()
        }
        $folder
    }
}

Describe 'A system call that fails' -Skip:(-not $canTrace) {
    It '<Calls> with <Fault> is an error of each cmdlet, and nothing is worse than before' -ForEach $errors {
        $folder = New-Work
        $broken = New-Work -Broken
        Copy-Item "$broken/image.qed" "$folder/broken.qed"
        $traced = Invoke-Traced $Calls "error=$Fault" $folder {
            $works = @(
                { New-QedImage "$Folder/new.qed" 1MB }
                { Convert-QedImage "$Folder/image.qed" "$Folder/new.vhdx" }
                { Convert-QedImage "$Folder/image.qed" "$Folder/new.qcow2" -Verify -DeleteSource -Confirm:$false }
                { Resize-QedImage "$Folder/image.qed" 2MB -Confirm:$false }
                { Set-QedBackingFile "$Folder/image.qed" -None -Confirm:$false }
                { Merge-QedImage "$Folder/image.qed" -Confirm:$false }
                { Optimize-QedImage "$Folder/image.qed" -Mode Defragment -Confirm:$false }
                { Repair-QedImage "$Folder/broken.qed" -Confirm:$false }
                { Copy-QedImageContent "$Folder/image.qed" 0 -Bytes ([byte[]](1, 2, 3)) -Confirm:$false }
            )
            $ErrorActionPreference = $WarningPreference = 'SilentlyContinue'
            foreach ($work in $works) {
                $Error.Clear()
                & $work
                "$($Error[0].FullyQualifiedErrorId)|$($Error[0])"
            }
        }
        $traced.ExitCode | Should -Be 0
        $traced.Lines | Should -HaveCount 9
        foreach ($line in $traced.Lines) {
            $line | Should -BeLike "$Id,*$Words*"
        }
        Get-ChildItem -LiteralPath $folder -Filter *.partial | Should -BeNullOrEmpty
        (Get-ChildItem -LiteralPath $folder).Name | Where-Object { $_ -notlike '*.undo' } | Should -Be 'base.raw', 'broken.qed', 'image.qed'
        # Whatever was begun, the guest sees what it saw, and once the system does its part the work is done.
        Copy-Item "$folder/image.qed" "$folder/copy.qed"
        Get-ContentHash "$folder/copy.qed" | Should -Be (Get-ContentHash "$(New-Work)/image.qed")
        (Test-QedImage "$folder/image.qed" -WarningAction SilentlyContinue).Corruptions | Should -Be 0
        Resize-QedImage "$folder/image.qed" 2MB -Confirm:$false -WarningAction SilentlyContinue
        Repair-QedImage "$folder/broken.qed" -Confirm:$false
        Test-QedImage "$folder/image.qed", "$folder/broken.qed" | ForEach-Object { $_.IsClean -and -not $_.NeedsCheck } | Should -Be $true, $true
    }
}

Describe 'A session whose files have a limit' -Skip:(-not $IsLinux) {
    It 'gets an error of what would exceed it, and goes on' {
        $folder = New-Folder
        $null = New-RawFile "$folder/disk.raw" 6MB 1
        Set-Content -LiteralPath "$folder/child.ps1" -Encoding utf8 -Value @"
Import-Module '$(Get-QedManifest)'
Convert-QedImage '$folder/disk.raw' '$folder/new.qed' -SourceFormat raw -ErrorAction SilentlyContinue
"`$(`$Error[0].FullyQualifiedErrorId)|`$(`$Error[0])"
(New-QedImage '$folder/other.qed' 1MB).Format
"@
        $program, [string[]]$first = Get-PowerShellCommand
        # The runtime maps its own code twice, through a file that counts as well.
        $lines = & sh -c 'ulimit -f 4000; export DOTNET_EnableWriteXorExecute=0 PSModuleAnalysisCachePath=/dev/null; exec "$@"' sh $program @first -NoProfile -NonInteractive -File "$folder/child.ps1"
        $LASTEXITCODE | Should -Be 0
        $lines | Should -HaveCount 2
        $lines[0] | Should -BeLike 'NotEnoughSpace,*file this large*'
        $lines[1] | Should -Be 'qed'
        (Get-ChildItem -LiteralPath $folder).Name | Should -Be 'child.ps1', 'disk.raw', 'other.qed'
    }
}

Describe 'A process that is killed' -Skip:(-not $canTrace) -ForEach $kills {
    BeforeAll {
        # How many calls that change files the thread makes that makes most of them: all works in one process, each in a folder of its own.
        $folders = @{}
        $script = foreach ($work in $Works) {
            $folders[$work.Name] = New-Work -Broken:([bool]$work.IsBroken)
            "`$Folder = '$($folders[$work.Name])'`n$($work.Script)"
        }
        $traced = Invoke-Traced $changing 'error=EIO:when=65535' (New-Folder) ([scriptblock]::Create($script -join "`n"))
        $traced.ExitCode | Should -Be 0
        $counts = @{}
        foreach ($name in $folders.Keys) {
            $own = $traced.Calls -like "*$($folders[$name])*"
            $counts[$name] = ($own | Group-Object { ($_ -split ' ')[0] } | Measure-Object Count -Maximum).Maximum
        }

        function Assert-Kept([hashtable]$Work, [string]$Folder, [string]$Old, [string]$Where) {
            <# What was to be changed is the old or the new, and another run ends it and leaves nothing else. #>
            $image = "$Folder/image.qed"
            if ($Work.IsBroken) {
                if (Test-Path -LiteralPath "$image.undo") {
                    # Nothing was changed yet where nothing was noted, and the error says so.
                    $end = if ((Get-Item -LiteralPath "$image.undo").Length -gt 0) { @{ Undo = $true } } else { @{ DiscardUndo = $true } }
                    Repair-QedImage $image @end -Confirm:$false
                }
                (Get-FileHash -LiteralPath $image).Hash | Should -Be $Old -Because $Where
                return
            }
            $report = Test-QedImage $image -WarningAction SilentlyContinue
            $report.Corruptions | Should -Be 0 -Because $Where
            $report.NeedsCheck -or $report.LeakedClusters -eq 0 | Should -BeTrue -Because $Where
            if (-not $Work.Size -or (Get-QedImageInfo $image).Size -ne $Work.Size) {
                Get-ContentHash $image (New-Folder) | Should -Be $Old -Because $Where
            }
            $WarningPreference = 'SilentlyContinue'
            & $Work.Script
            Test-QedImage $image | ForEach-Object { $_.IsClean -and -not $_.NeedsCheck } | Should -BeTrue -Because $Where
            if (-not $Work.Size) { Get-ContentHash $image (New-Folder) | Should -Be $Old -Because $Where }
            if (Test-Path "$Folder/target.vhdx") { Get-ContentHash "$Folder/target.vhdx" (New-Folder) | Should -Be $Old -Because $Where }
            (Get-ChildItem -LiteralPath $Folder).Name | Where-Object { $_ -ne 'target.vhdx' } | Should -Be 'base.raw', 'image.qed' -Because $Where
        }
    }

    It 'in <Name> leaves the old or the new, and another run ends it' -ForEach $works {
        $counts[$Name] | Should -BeGreaterThan 3
        # The last one of each pair at a moment: only where there is time for that.
        for ($i = 0; $i -lt 2 * $Factor - 1; $i++) {
            $folder = New-Work -Broken:([bool]$IsBroken)
            $old = if ($IsBroken) { (Get-FileHash "$folder/image.qed").Hash } else { Get-ContentHash "$folder/image.qed" (New-Folder) }
            if ($i -lt $Factor) {
                $number = 1 + [Math]::Floor(($i + 0.5) / $Factor * $counts[$Name])
                $where = "call $number of $($counts[$Name])"
                (Invoke-Traced $changing "signal=SIGKILL:when=$number" $folder $Script).ExitCode | Should -BeIn 0, 137 -Because $where
            }
            else {
                $wait = Get-Random -Maximum 400
                $where = "after $wait ms"
                Invoke-Killed $folder $Script $wait
            }
            Assert-Kept $_ $folder $old $where
            Remove-Item -LiteralPath $folder -Recurse
        }
    }
}
