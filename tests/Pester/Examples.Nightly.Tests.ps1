BeforeDiscovery {
    $hasQemu = [bool](Get-Command qemu-img -ErrorAction Ignore)
    $isRoot = $IsLinux -and (& id -u) -eq 0
}

BeforeAll {
    . $PSScriptRoot/Support.ps1
    $nightly = (Get-Item -LiteralPath $PSScriptRoot/../../examples/Invoke-QedNightly.ps1).FullName
    $module = Get-QedManifest

    function Invoke-Nightly {
        & $nightly $folder -JournalPath $journal -Module $module -WarningAction SilentlyContinue @args
    }

    function Read-Journal {
        Get-Content -LiteralPath $journal | ForEach-Object { ConvertFrom-Json $_ }
    }

    function Get-Hash([string]$Path) {
        (Get-QedImageHash -LiteralPath $Path).Hash
    }

    function New-LooseImage([string]$Path, [int]$Length = 1MB) {
        <# Its first quarter are clusters that hold only zeroes and take up space on the host; its second is a hole. #>
        $null = New-FilledImage $Path $Length
        $firstData = Get-UInt64 $Path (Get-UInt64 $Path (Get-UInt64 $Path 40))
        $stream = [IO.File]::OpenWrite($Path)
        $null = $stream.Seek($firstData, 'Begin')
        $stream.Write([byte[]]::new($Length / 4), 0, $Length / 4)
        $stream.Dispose()
        $Path
    }
}

Describe 'Invoke-QedNightly.ps1' {
    BeforeEach {
        $folder = New-Folder
        $journal = "$(New-Folder)/log/nightly.jsonl"
    }

    Context 're-parenting' {
        BeforeEach {
            $old = New-FilledImage "$folder/old.qed" -Seed 1
            $new = New-FilledImage "$folder/new.qed" -Seed 2
            $tops = 1..3 | ForEach-Object { (New-QedImage "$folder/top$_.qed" -BackingPath $old).Path }
            $tops | Copy-QedImageContent -Bytes (1..200) -Offset 300KB -Confirm:$false
        }

        It 'moves the overlays of the old base, and what their guests see stays the same' {
            $other = (New-QedImage "$folder/other.qed" -BackingPath $new).Path
            $before = @($tops + $other | ForEach-Object { Get-Hash $_ })
            $summary = Invoke-Nightly -OldBackingPath $old -BackingPath $new
            $LASTEXITCODE | Should -Be 0
            $summary.Images | Should -Be 6
            $summary.Reparented | Should -Be 3
            ($tops | Get-QedImageInfo).BackingFullPath | Sort-Object -Unique | Should -Be $new
            @($tops + $other | ForEach-Object { Get-Hash $_ }) | Should -Be $before
            ($tops | Test-QedImage).Status | Sort-Object -Unique | Should -Be 'Clean'
            if ($hasQemu) {
                $tops | ForEach-Object { & qemu-img check -q $_; $LASTEXITCODE } | Sort-Object -Unique | Should -Be 0
            }
            # The old base can go.
            Remove-Item -LiteralPath $old
            Get-Hash $tops[0] | Should -Be $before[0]
        }

        It 'leaves the new base alone, which may rest on the old one' {
            $month = (New-QedImage "$folder/month.qed" -BackingPath $old).Path
            $summary = Invoke-Nightly -OldBackingPath $old -BackingPath $month
            $LASTEXITCODE | Should -Be 0
            $summary.Reparented | Should -Be 3
            (Get-QedImageInfo $month).BackingFullPath | Should -Be $old
        }

        It 'passes over what is in use, which has another night' {
            $handle = Open-ForWriting $tops[1]
            try {
                $summary = Invoke-Nightly -OldBackingPath $old -BackingPath $new
            }
            finally {
                $handle.Dispose()
            }
            $LASTEXITCODE | Should -Be 0
            $summary.Reparented | Should -Be 2
            $summary.InUse | Should -Be 1
            (Read-Journal | Where-Object event -EQ inUse).path | Should -Be $tops[1]
            (Invoke-Nightly -OldBackingPath $old -BackingPath $new).Reparented | Should -Be 1
        }

        It 'knows the old base under another name' -Skip:(-not $IsLinux) {
            $link = "$(New-Folder)/link"
            $null = New-Item -ItemType SymbolicLink -Path $link -Target $folder
            (Invoke-Nightly -OldBackingPath "$link/old.qed" -BackingPath $new).Reparented | Should -Be 3
        }

        It 'goes on past an image that cannot be moved, and ends with 4' {
            Set-Corruption $tops[0]
            $summary = Invoke-Nightly -OldBackingPath $old -BackingPath $new
            $LASTEXITCODE | Should -Be 4
            $summary.Left | Should -Be 1
            $summary.Reparented | Should -Be 2
        }

        It 'changes nothing under -WhatIf' {
            $before = Get-Fingerprint $folder
            $null = Invoke-Nightly -OldBackingPath $old -BackingPath $new -Compact -WhatIf
            $LASTEXITCODE | Should -Be 0
            Get-Fingerprint $folder | Should -Be $before
            $journal | Should -Not -Exist
        }
    }

    Context 'compaction' {
        It 'gives back leaked clusters and those that hold only zeroes, and keeps all else' {
            $image = New-LooseImage "$folder/a.qed"
            Add-Leak $image
            $hash = Get-Hash $image
            $used = (Get-QedImageInfo $image).AllocatedSize
            $summary = Invoke-Nightly -Compact -MinimumGainBytes 64KB
            $LASTEXITCODE | Should -Be 0
            $summary.Compacted | Should -Be 1
            $summary.SavedBytes | Should -BeGreaterThan (256KB + 64KB)
            (Get-QedImageInfo $image).AllocatedSize | Should -Be ($used - $summary.SavedBytes)
            Get-Hash $image | Should -Be $hash
            (Test-QedImage $image).Status | Should -Be 'Clean'
            (Get-ChildItem -LiteralPath $folder).Name | Should -Be 'a.qed'
            if ($hasQemu) {
                & qemu-img check -q $image
                $LASTEXITCODE | Should -Be 0
            }
        }

        It 'keeps owner, permissions and extended attributes' -Skip:(-not $isRoot) {
            $image = New-LooseImage "$folder/a.qed"
            & chown 1234:4321 $image
            & chmod 640 $image
            $summary = Invoke-Nightly -Compact -MinimumGainBytes 64KB
            $summary.Compacted | Should -Be 1
            & stat -c '%u %g %a' $image | Should -Be '1234 4321 640'
        }

        It 'drops from an overlay what its backing file has as well, and keeps the name of that as it is stored' {
            $base = New-FilledImage "$folder/base.qed"
            $top = "$folder${/}top.qed"
            Push-Location $folder
            $null = New-QedImage top.qed -BackingPath base.qed -ClusterSizeBytes 4KB -TableSize 2
            Pop-Location
            $null = Copy-QedImageContent $base -DestinationFile "$folder/base.raw" -Length 1MB -Confirm:$false
            $content = [IO.File]::ReadAllBytes("$folder/base.raw")
            Remove-Item -LiteralPath "$folder/base.raw"
            $content[5] = $content[5] -bxor 1
            Copy-QedImageContent $top -Bytes $content -Confirm:$false
            $hash = Get-Hash $top
            $summary = Invoke-Nightly -Compact -MinimumGainBytes 64KB
            $LASTEXITCODE | Should -Be 0
            $summary.Compacted | Should -Be 1
            Get-Hash $top | Should -Be $hash
            $info = Get-QedImageInfo $top
            $info.BackingPath | Should -BeExactly 'base.qed'
            $info.ClusterSize | Should -Be 4KB
            $info.TableSize | Should -Be 2
            (Test-QedImage $top).AllocatedClusters | Should -Be 1
        }

        It 'does not write anew what would save too little, and does not look at it again until it is written' {
            $image = New-LooseImage "$folder/a.qed"
            $before = Get-Fingerprint $folder
            $null = Invoke-Nightly -Compact -MinimumGainBytes 10MB
            Get-Fingerprint $folder | Should -Be $before
            (Read-Journal).event | Should -Be 'start', 'settled', 'end'
            # It would save enough now, but is known to be settled.
            $null = Invoke-Nightly -Compact -MinimumGainBytes 64KB
            (Read-Journal).event | Should -Be 'start', 'settled', 'end', 'start', 'end'
            Copy-QedImageContent $image -Bytes 7 -Offset 900KB -Confirm:$false
            (Invoke-Nightly -Compact -MinimumGainBytes 64KB).Compacted | Should -Be 1
        }

        It 'leaves alone an image with an undo file, and one with a further name' {
            $undo = New-LooseImage "$folder${/}undo.qed"
            Add-Leak $undo
            $null = Repair-QedImage $undo -Confirm:$false
            $linked = New-LooseImage "$folder${/}linked.qed"
            $null = New-Item -ItemType HardLink -Path "$(New-Folder)/other.qed" -Target $linked
            $before = Get-Fingerprint $folder
            $summary = Invoke-Nightly -Compact -MinimumGainBytes 64KB
            $LASTEXITCODE | Should -Be 0
            $summary.Compacted | Should -Be 0
            (Read-Journal | Where-Object event -EQ skipped).path | Sort-Object | Should -Be $linked, $undo
            Get-Fingerprint $folder | Should -Be $before
        }

        It 'leaves a corrupt image to those who repair, and ends with 4' {
            Set-Corruption (New-LooseImage "$folder/a.qed")
            $before = Get-Fingerprint $folder
            $summary = Invoke-Nightly -Compact -MinimumGainBytes 64KB
            $LASTEXITCODE | Should -Be 4
            $summary.Left | Should -Be 1
            Get-Fingerprint $folder | Should -Be $before
        }

        It 'passes over an image that is in use, also where it is only read, as by the guest of an overlay' {
            $image = New-LooseImage "$folder/a.qed"
            $before = (Get-FileHash -LiteralPath $image).Hash
            foreach ($handle in { Open-ForWriting $image }, { [Qed.Operations.OpenImage]::ForReading($image) }) {
                $open = & $handle
                try {
                    $summary = Invoke-Nightly -Compact -MinimumGainBytes 64KB
                }
                finally {
                    $open.Dispose()
                }
                $LASTEXITCODE | Should -Be 0
                $summary.InUse | Should -Be 1
                (Get-FileHash -LiteralPath $image).Hash | Should -Be $before
                (Get-ChildItem -LiteralPath $folder).Name | Should -Be 'a.qed'
            }
        }

        It 'leaves an image as it was where it is killed, and the next night does it' -Skip:(-not $IsLinux) {
            $image = New-LooseImage "$folder/a.qed" 64MB
            $hash = Get-Hash $image
            $before = (Get-Item -LiteralPath $image).LastWriteTimeUtc
            $run = Start-Script $nightly $folder, '-Compact', '-MinimumGainBytes', '1MB', '-JournalPath', $journal, '-Module', $module
            try {
                Wait-Until { Test-Writing $run $folder } -Seconds 600
                & kill -STOP $run.Id
                $null = Invoke-Nightly -Compact 2>$null
                $LASTEXITCODE | Should -Be 8
            }
            finally {
                $run.Kill()
                $run.WaitForExit()
            }
            (Get-Item -LiteralPath $image).LastWriteTimeUtc | Should -Be $before
            Get-Hash $image | Should -Be $hash
            # As where it was killed between the copy's last byte and its taking the image's place.
            Set-FileLength "$image.compact" 5MB
            $summary = Invoke-Nightly -Compact -MinimumGainBytes 1MB
            $LASTEXITCODE | Should -Be 0
            $summary.Compacted | Should -Be 1
            Get-Hash $image | Should -Be $hash
            (Get-ChildItem -LiteralPath $folder).Name | Should -Be 'a.qed'
        }

        It 'reports a repair of leaks in which it was killed, as the nightly check does, until somebody ends or undoes it' {
            $image = New-ScatteredImage "$folder/a.qed" 2GB
            $run = Start-Script $nightly $folder, '-Compact', '-JournalPath', $journal, '-Module', $module
            try {
                # Far enough for the image to know of it.
                Wait-Until { (Get-Item -LiteralPath "$image.undo" -ErrorAction Ignore).Length -gt 64KB } -Seconds 600
            }
            finally {
                $run.Kill()
                $run.WaitForExit()
            }
            $summary = Invoke-Nightly -Compact
            $LASTEXITCODE | Should -Be 4
            $summary.Left | Should -Be 1
            (Read-Journal | Where-Object event -EQ left).message | Should -BeLike '*a repair of it has begun and not ended*'
            $null = & (Join-Path (Split-Path $nightly) Invoke-QedFsck.ps1) $folder -Module $module
            $LASTEXITCODE | Should -Be 4
            Repair-QedImage $image -Undo -Confirm:$false
            (Invoke-Nightly -Compact -WhatIf).Left | Should -Be 0
        }
    }

    It 'wants to be told what to do' {
        $null = New-FilledImage "$folder/a.qed"
        $null = Invoke-Nightly 2>$null
        $LASTEXITCODE | Should -Be 8
        $null = Invoke-Nightly -BackingPath "$folder/a.qed" 2>$null
        $LASTEXITCODE | Should -Be 8
    }
}
