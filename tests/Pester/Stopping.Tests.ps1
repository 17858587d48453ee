# What holds when a command ends before its work does, and while it lasts: handles, leftovers, progress.

BeforeDiscovery {
    $canSignal = $IsLinux -and (Get-Command env -CommandType Application -ErrorAction Ignore) -and ((& env --help) -match '--default-signal')
    $readers = @(
        @{ Name = 'a conversion that writes'; Script = { Convert-QedImage $endless "$out/x.raw" } }
        @{ Name = 'a conversion that compares'; Script = { Convert-QedImage $endless "$out/x.qed" -BackingPath $copy } }
        @{ Name = 'a conversion that compresses'; Script = { Convert-QedImage $endless "$out/x.qcow2" -Compress } }
        @{ Name = 'several conversions'; Script = { $endless, $copy | Convert-QedImage -DestinationPath $out -Format qed -ThrottleLimit 2 } }
        @{ Name = 'a search for the last data'; Script = { Resize-QedImage $top -ToMinimumSize -Confirm:$false } }
        @{ Name = 'a comparison'; Script = { Compare-QedImage $endless $copy } }
        @{ Name = 'a comparison of an image with itself'; Script = { Compare-QedImage $endless $endless -Quiet } }
        @{ Name = 'measuring'; Script = { Measure-QedImage $endless -Exact } }
        @{ Name = 'reading content into a file'; Script = { Copy-QedImageContent $endless -DestinationFile "$out/x.bin" } }
        @{ Name = 'reading content into a stream'; Script = { Copy-QedImageContent $endless -DestinationStream ([IO.Stream]::Null) } }
        # Each of its stages is short.
        @{ Name = 'planning a repair'; Script = { Repair-QedImage $tangled -WhatIf }; IsSilent = $true }
        @{ Name = 'planning a repair by preference'; Script = { $WhatIfPreference = $true; Repair-QedImage $tangled }; IsSilent = $true }
        # At this rate it takes years, and shows nothing before.
        @{ Name = 'a check'; Script = { Test-QedImage $scattered -MaximumBytesPerSecond 4096 }; IsSilent = $true }
        @{ Name = 'a check of a chain'; Script = { Test-QedImage $scattered -BackingChain -MaximumBytesPerSecond 4096 }; IsSilent = $true }
    )
    $changers = @(
        @{ Name = 'a shrink'; Script = { Resize-QedImage $image (64GB - 64KB) -AllowShrink -Confirm:$false }; Size = 64GB - 64KB }
        @{ Name = 'optimizing'; Script = { Optimize-QedImage $image -Confirm:$false }; Size = 64GB }
        @{ Name = 'a repair'; Script = { Repair-QedImage $image -Confirm:$false }; Size = 64GB; CanUndo = $true }
    )
}

BeforeAll {
    . $PSScriptRoot/Support.ps1

    # What workers have under way when they are told to stop: a few pieces of a mebibyte each, however slow the machine is; and what they do
    # until they are told, which on a busy machine is a thread that waits for its turn while gigabytes a second are read.
    $mostWork = 512MB

    function Measure-Ending([scriptblock]$Action) {
        <# Bytes that are read and written while an action stops some work. #>
        $before = Get-WorkDone
        & $Action
        (Get-WorkDone) - $before
    }
}

Describe 'Stopping' {
    BeforeAll {
        $folder = New-Folder
        $endless = New-EndlessImage "$folder/endless.qcow2"
        $copy = Copy-Item -LiteralPath $endless "$folder/copy.qcow2" -PassThru | ForEach-Object FullName
        # Few enough clusters that a plan to separate them fits into memory.
        $tangled = New-TangledImage "$folder/tangled.qed" 8GB
        $scattered = New-ScatteredImage "$folder/scattered.qed"
        $top = (New-QedImage "$folder/top.qed" -BackingPath $endless).Path
        $small = New-FilledImage "$folder/small.qed"
        $variables = @{ endless = $endless; copy = $copy; tangled = $tangled; top = $top; scattered = $scattered }
        # What stopping is done by is compiled the first time, and that is not to be measured.
        $null = Start-Session { Start-Sleep 1000 } | ForEach-Object { $_.Shell.Stop(); Complete-Session $_ }
        # Too long to be hashed: no byte of a file that nobody writes changes.
        function Get-Listing { Get-ChildItem -LiteralPath $folder | ForEach-Object { '{0} {1} {2}' -f $_.FullName, $_.Length, $_.LastWriteTimeUtc.Ticks } }
        $before = Get-Listing
    }

    BeforeEach {
        $out = New-Folder
    }

    AfterEach {
        Get-OpenFile $folder | Should -BeNullOrEmpty
        Get-OpenFile $out | Should -BeNullOrEmpty
        Get-ChildItem -LiteralPath $out -Filter *.partial | Should -BeNullOrEmpty
        Get-Listing | Should -Be $before
    }

    Context 'Ctrl+C' {
        It 'ends <Name> after what is under way, and nothing is left of it' -ForEach $readers {
            $session = Start-Session $Script ($variables + @{ out = $out })
            Wait-Until { if ($IsSilent) { Get-OpenFile $folder } else { $session.Host.Progress } }
            Measure-Ending { $session.Shell.Stop() } | Should -BeLessThan $mostWork
            # Before the session is closed, which might do it as well.
            Get-OpenFile $folder | Should -BeNullOrEmpty
            Get-ChildItem -LiteralPath $out | Should -BeNullOrEmpty
            (Complete-Session $session).Errors | Should -BeNullOrEmpty
        }

        It 'ends a map of a million runs' {
            $session = Start-Session { Get-QedImageMap $endless } $variables
            Wait-Until { $session.Output.Count -gt 0 }
            $session.Shell.Stop()
            $session.Output.Count | Should -BeLessThan 1MB
            Get-OpenFile $folder | Should -BeNullOrEmpty
            (Complete-Session $session).Errors | Should -BeNullOrEmpty
        }

        It 'ends a merge, after which the image reads as before and the merge is finished by another' {
            $base = New-FilledImage "$out/base.qed" 16MB 1
            $image = (New-QedImage "$out/image.qed" -BackingPath $base).Path
            Copy-QedImageContent $image 1MB -Bytes ([byte[]](, 7 * 8MB)) -Confirm:$false
            $hash = Get-ContentHash $image
            # At this rate it takes years.
            $session = Start-Session { Merge-QedImage $image -MaximumBytesPerSecond 4096 -Confirm:$false } @{ image = $image }
            Wait-Until { (Get-OpenFile $out) -contains $base }
            Measure-Ending { $session.Shell.Stop() } | Should -BeLessThan $mostWork
            Get-OpenFile $out | Should -BeNullOrEmpty
            (Complete-Session $session).Errors | Should -BeNullOrEmpty
            Get-ContentHash $image | Should -Be $hash
            Merge-QedImage $image -Confirm:$false -WarningAction SilentlyContinue
            Get-ContentHash $base | Should -Be $hash
            Get-ContentHash $image | Should -Be $hash
        }

        It 'ends <Name> that moves clusters after what is under way, and the image is sound' -ForEach $changers {
            $image = New-ScatteredImage "$out/image.qed"
            $length = (Get-Item -LiteralPath $image).Length
            $session = Start-Session $Script @{ image = $image }
            Wait-Until { $session.Host.Progress.Activity -like 'Moving clusters*' }
            Measure-Ending { $session.Shell.Stop() } | Should -BeLessThan $mostWork
            Get-OpenFile $out | Should -BeNullOrEmpty
            (Complete-Session $session).Errors | Should -BeNullOrEmpty
            $report = Test-QedImage $image -WarningAction SilentlyContinue
            $report.Corruptions | Should -Be 0
            # What a shrink has freed by then is given back to the host as the image is closed.
            ($report.LeakedClusters + $report.FreeClusters) | Should -BeGreaterThan 0
            (Get-QedImageInfo $image).Size | Should -Be $Size
            if ($CanUndo) {
                $report.UnfinishedUndoPath | Should -Be "$image.undo"
                Repair-QedImage $image -Undo -Confirm:$false
                (Get-Item -LiteralPath $image).Length | Should -Be $length
            }
            else {
                # The next one is told, and gives the space back.
                $report.NeedsCheck | Should -BeTrue
            }
        }

        It 'leaves an image that was being made independent on its old backing file, sound' {
            $top = (New-QedImage "$out/top.qed" -BackingPath $endless).Path
            $session = Start-Session { Set-QedBackingFile $top -None -Confirm:$false } @{ top = $top }
            Wait-Until { $session.Host.Progress }
            Measure-Ending { $session.Shell.Stop() } | Should -BeLessThan $mostWork
            $null = Complete-Session $session
            (Get-QedImageInfo $top).BackingFullPath | Should -Be $endless
            $report = Test-QedImage $top
            $report.IsClean | Should -BeTrue
            $report.NeedsCheck | Should -BeFalse
        }

        It 'ends writing content, and the image is sound' {
            $target = (New-QedImage "$out/target.qed" 64GB).Path
            $null = New-QedImage "$out/zeroes.raw" 64GB
            $session = Start-Session { Copy-QedImageContent $target -SourceFile "$out/zeroes.raw" -Confirm:$false } @{ target = $target; out = $out }
            Wait-Until { $session.Host.Progress }
            Measure-Ending { $session.Shell.Stop() } | Should -BeLessThan $mostWork
            $null = Complete-Session $session
            (Test-QedImage $target).IsClean | Should -BeTrue
        }

        It 'starts none of the images that still wait' {
            $session = Start-Session {
                @($endless) + @($small) * 20 | Convert-QedImage -DestinationPath { "$out/$([guid]::NewGuid()).raw" } -ThrottleLimit 1
            } @{ endless = $endless; small = $small; out = $out }
            Wait-Until { $session.Host.Progress }
            $session.Shell.Stop()
            $null = Complete-Session $session
            Get-ChildItem -LiteralPath $out | Should -BeNullOrEmpty
        }

        It 'ends a process of its own that is interrupted' -Skip:(-not $canSignal) {
            Set-Content -LiteralPath "$out/convert.ps1" "Import-Module '$(Get-QedManifest)'; Convert-QedImage '$endless' '$out/x.raw'; 'survived' > '$out/survived'"
            # A shell may have let its background jobs, and all that they start, ignore the signal.
            $child = Start-Process env -PassThru -ArgumentList @(
                '--default-signal=INT'; Get-PowerShellCommand; '-NoProfile', '-NonInteractive', '-File', "$out/convert.ps1")
            try {
                Wait-Until { Test-Writing $child $out }
                Start-Sleep -Milliseconds 200
                & kill -INT $child.Id
                $child.WaitForExit(20000) | Should -BeTrue
            }
            finally {
                if (-not $child.HasExited) { $child.Kill() }
            }
            (Get-ChildItem -LiteralPath $out).Name | Should -Be 'convert.ps1'
        }
    }

    Context 'an end that others bring about' {
        It 'comes at once with Select-Object -First 1' {
            Measure-Ending {
                $first = $small, $endless | Convert-QedImage -DestinationPath $out -Format raw -Force -PassThru -ThrottleLimit 2 | Select-Object -First 1
                $first.Path | Should -Be "$out${/}small.raw"
                Get-OpenFile $folder | Should -BeNullOrEmpty
            } | Should -BeLessThan 32GB
            (Get-ChildItem -LiteralPath $out).Name | Should -Be 'small.raw'
        }

        It 'comes at once with -ErrorAction Stop' {
            Measure-Ending {
                { "$folder/none.qed", $endless | Convert-QedImage -DestinationPath $out -Format raw -ThrottleLimit 2 -ErrorAction Stop } |
                    Should -Throw -ErrorId 'ImageNotFound,*'
                Get-OpenFile $folder | Should -BeNullOrEmpty
                Get-ChildItem -LiteralPath $out | Should -BeNullOrEmpty
            } | Should -BeLessThan 32GB
        }

        It 'comes at once where a later command fails' {
            {
                $small, $endless | Convert-QedImage -DestinationPath $out -Format raw -PassThru -ThrottleLimit 2 | ForEach-Object { throw 'enough' }
            } | Should -Throw 'enough'
            (Get-ChildItem -LiteralPath $out).Name | Should -Be 'small.raw'
        }

        It 'comes at once where an earlier command fails' {
            {
                & { $endless; Start-Sleep -Milliseconds 500; throw 'enough' } | Convert-QedImage -DestinationPath "$out/x.raw"
            } | Should -Throw 'enough'
            Get-ChildItem -LiteralPath $out | Should -BeNullOrEmpty
        }

        It 'comes at once for <_> -First 1' -ForEach 'Get-QedImageInfo', 'Test-QedImage' {
            $paths = @($small) * 500
            ($paths | & $_ | Select-Object -First 1).Path | Should -Be $small
            Get-OpenFile $folder | Should -BeNullOrEmpty
        }
    }

    It 'shows each result as soon as it is known' {
        $session = Start-Session { $endless, $small | Convert-QedImage -DestinationPath $out -Format qed -PassThru -ThrottleLimit 2 -Unordered } @{ endless = $endless; small = $small; out = $out }
        Wait-Until { $session.Output.Count -gt 0 }
        $session.Running.IsCompleted | Should -BeFalse
        $session.Output[0].Path | Should -Be "$out${/}small.qed"
        $session.Shell.Stop()
        $null = Complete-Session $session
    }
}

Describe 'Progress' {
    BeforeAll {
        $folder = New-Folder
        # A second or more of work, however fast the machine is.
        $image = New-EndlessImage "$folder/long.qcow2" 16GB
        $copy = Copy-Item -LiteralPath $image "$folder/copy.qcow2" -PassThru | ForEach-Object FullName
        $endless = New-EndlessImage "$folder/endless.qcow2"
        $small = New-FilledImage "$folder/small.qed"
        $session = Invoke-Session { Convert-QedImage $image "$folder/x.qed" -BackingPath $copy } @{ image = $image; copy = $copy; folder = $folder }
        $shown = $session.Host.Progress
        $updates = $shown.Where({ -not $_.IsCompleted })
    }

    It 'tells what is done to which image, how much, of how much, and how fast' {
        $session.Failure | Should -BeNullOrEmpty
        $updates | Should -Not -BeNullOrEmpty
        foreach ($update in $updates) {
            $update.Activity | Should -Be 'Converting long.qcow2'
            $update.Status | Should -Match '^[\d.]+ [KMG]iB of 16 GiB, [\d.]+ [KMG]iB/s$'
            $update.PercentComplete | Should -BeIn (0..100)
        }
        $updates.PercentComplete | Should -Be ($updates.PercentComplete | Sort-Object)
        $updates[-1].SecondsRemaining | Should -BeGreaterOrEqual 0
    }

    It 'changes at most four times a second' {
        for ($i = 4; $i -lt $updates.Count; $i++) {
            ($updates[$i].Time - $updates[$i - 4].Time).TotalSeconds | Should -BeGreaterThan 0.9
        }
    }

    It 'is completed once, at the end' {
        $shown.Where({ $_.IsCompleted }) | Should -HaveCount 1
        $shown[-1].IsCompleted | Should -BeTrue
        $shown.ActivityId | Sort-Object -Unique | Should -HaveCount 1
    }

    It 'is not shown for what takes no time' {
        $quick = Invoke-Session { Get-QedImageInfo $image; Test-QedImage $copy; New-QedImage "$folder/n.qed" 1MB } @{ image = $image; copy = $copy; folder = $folder }
        $quick.Host.Progress | Should -BeNullOrEmpty
    }

    It 'has a bar for each image that is worked on' {
        $several = Start-Session { $endless, $image | Convert-QedImage -DestinationPath { "$folder/$([guid]::NewGuid()).qed" } -BackingPath $copy -ThrottleLimit 2 } @{
            endless = $endless; image = $image; copy = $copy; folder = $folder
        }
        Wait-Until { @($several.Host.Progress.Activity | Sort-Object -Unique).Count -eq 2 }
        $several.Host.Progress.ActivityId | Sort-Object -Unique | Should -HaveCount 2
        $several.Shell.Stop()
        $null = Complete-Session $several
    }

    It 'is completed as well where <Name> ends the work early' -ForEach @(
        @{ Name = '-ErrorAction Stop'; Script = { & { $endless; Start-Sleep 1; 'none.qed' } | Convert-QedImage -DestinationPath { "$folder/$([guid]::NewGuid()).qed" } -BackingPath $copy -ThrottleLimit 2 -Unordered -ErrorAction Stop } }
        @{ Name = 'Select-Object -First 1'; Script = { & { $endless; Start-Sleep 1; $small } | Convert-QedImage -DestinationPath { "$folder/$([guid]::NewGuid()).qed" } -BackingPath $copy -PassThru -ThrottleLimit 2 -Unordered | Select-Object -First 1 } }
    ) {
        $early = Invoke-Session $Script @{ endless = $endless; small = $small; copy = $copy; folder = $folder }
        foreach ($bar in $early.Host.Progress | Group-Object ActivityId) {
            $bar.Group[-1].IsCompleted | Should -BeTrue
        }
        $early.Host.Progress | Should -Not -BeNullOrEmpty
    }

    It 'is completed as well where Ctrl+C ends the work' {
        $stopped = Start-Session { Convert-QedImage $endless "$folder/y.qed" -BackingPath $copy } @{ endless = $endless; copy = $copy; folder = $folder }
        Wait-Until { $stopped.Host.Progress }
        $stopped.Shell.Stop()
        $null = Complete-Session $stopped
        $stopped.Host.Progress[-1].IsCompleted | Should -BeTrue
    }
}
