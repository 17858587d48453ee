BeforeDiscovery {
    $hasQemu = [bool](Get-Command qemu-img -ErrorAction Ignore)
}

BeforeAll {
    . $PSScriptRoot/Support.ps1
}

Describe 'Get-QedImageInfo' {
    BeforeAll {
        $folder = New-Folder
        $base = (New-QedImage "$folder/base.qed" 10GB).Path
        $top = (New-QedImage "$folder/top.qed" -BackingPath $base -SizeBytes 20GB).Path
        Push-Location -LiteralPath $folder
        $null = New-QedImage relative.qed -BackingPath base.qed
        Pop-Location
    }

    It 'tells what the header and the file system say' {
        $info = Get-QedImageInfo $base
        $info | Should -BeOfType Qed.ImageInfo
        $info.Path | Should -Be $base
        $info.PSPath | Should -Be "Microsoft.PowerShell.Core\FileSystem::$base"
        $info.Format | Should -Be 'qed'
        $info.Size | Should -Be 10GB
        $info.FileSize | Should -Be (Get-Item -LiteralPath $base).Length
        $info.AllocatedSize | Should -BeLessOrEqual $info.FileSize
        $info.ClusterSize | Should -Be 64KB
        $info.TableSize | Should -Be 4
        $info.MaximumSize | Should -Be 64TB
        $info.NeedsCheck | Should -BeFalse
        $info.Features | Should -BeNullOrEmpty
        $info.BackingPath | Should -BeNullOrEmpty
        $info.InUse | Should -BeFalse
    }

    It 'gives sizes as UInt64' {
        $info = Get-QedImageInfo $base
        foreach ($name in 'Size', 'FileSize', 'AllocatedSize', 'ClusterSize', 'MaximumSize') {
            $info.$name | Should -BeOfType uint64 -Because $name
        }
    }

    It 'has the names that users of Get-VHD know' {
        $info = Get-QedImageInfo $top
        $info.BlockSize | Should -Be $info.ClusterSize
        $info.ParentPath | Should -Be $info.BackingPath
    }

    It 'shows the backing file as stored and in full' {
        $info = Get-QedImageInfo "$folder/relative.qed"
        $info.BackingPath | Should -Be 'base.qed'
        $info.BackingFullPath | Should -Be $base
        $info.Features | Should -Contain 'BackingFile'
    }

    It 'takes no text for a disk, unless -SourceFormat says that it is one' {
        Set-Content -LiteralPath "$folder/readme.txt" ('not a disk' * 100)
        $failure = Get-Failure { Get-QedImageInfo "$folder/readme.txt" }
        $failure.FullyQualifiedErrorId | Should -BeLike 'ImageNotRecognized,*'
        $failure.Exception.Message | Should -BeLike '*-SourceFormat raw*'
        (Get-QedImageInfo "$folder/readme.txt" -SourceFormat raw).Format | Should -Be 'raw'
        foreach ($try in { Convert-QedImage "$folder/readme.txt" "$folder/no.qed" }, { Get-QedImageMap "$folder/readme.txt" }, { Measure-QedImage "$folder/readme.txt" },
            { Compare-QedImage "$folder/readme.txt" $base }, { Compare-QedImage $base "$folder/readme.txt" }, { Copy-QedImageContent "$folder/readme.txt" -AsByteArray }) {
            (Get-Failure $try).FullyQualifiedErrorId | Should -BeLike 'ImageNotRecognized,*' -Because $try
        }
        "$folder/no.qed" | Should -Not -Exist
    }

    It 'invents nothing for a raw image' {
        $info = Get-QedImageInfo (New-RawFile "$folder/plain.raw")
        $info.Format | Should -Be 'raw'
        $info.Size | Should -Be 1MB
        foreach ($name in 'ClusterSize', 'BlockSize', 'TableSize', 'MaximumSize', 'NeedsCheck', 'BackingPath', 'BackingFormat') {
            $info.$name | Should -BeNullOrEmpty -Because $name
        }
    }

    It 'opens no other file unless asked for the chain' {
        $orphan = New-QedImage "$folder/orphan.qed" -BackingPath $base
        Set-QedBackingFile $orphan.Path -BackingPath "$folder/gone.qed" -MetadataOnly -Confirm:$false
        (Get-QedImageInfo $orphan.Path -ErrorAction Stop).BackingFullPath | Should -Be "$folder${/}gone.qed"
    }

    It 'sees an image that is open for writing, and says so' {
        $handle = Open-ForWriting $base
        try { (Get-QedImageInfo $base -ErrorAction Stop).InUse | Should -BeTrue } finally { $handle.Dispose() }
        (Get-QedImageInfo $base).InUse | Should -BeFalse
    }

    It 'sees an image that was not closed cleanly' {
        $dirty = (New-QedImage "$folder/dirty.qed" 1GB).Path
        Write-UInt64 $dirty 16 2
        (Get-QedImageInfo $dirty).NeedsCheck | Should -BeTrue
    }

    It 'changes nothing' {
        $before = Get-Fingerprint $folder
        $null = Get-QedImageInfo "$folder/*" -BackingChain -ErrorAction Ignore
        Get-Fingerprint $folder | Should -Be $before
    }

    Context '-BackingChain' {
        It 'gives one object a link, from the top down' {
            (Get-QedImageInfo $top -BackingChain).Path | Should -Be $top, $base
        }

        It 'keeps the links of each image together, however many are worked on at a time' {
            $chains = 1..12 | ForEach-Object { (New-QedImage "$folder/chain$_.qed" -BackingPath $top).Path }
            $found = ($chains | Get-QedImageInfo -BackingChain -ThrottleLimit 4).Path
            $found.Count | Should -Be 36
            for ($i = 0; $i -lt 36; $i += 3) {
                $found[($i + 1)..($i + 2)] | Should -Be $top, $base
            }
            $found | Sort-Object -Unique | Should -HaveCount 14
        }

        It 'gives the links before the one that is missing' {
            $middle = (New-QedImage "$folder/middle.qed" 1GB).Path
            $leaf = (New-QedImage "$folder/leaf.qed" -BackingPath $middle).Path
            Remove-Item -LiteralPath $middle
            $found = Get-QedImageInfo $leaf -BackingChain -ErrorAction SilentlyContinue -ErrorVariable failure
            $found.Path | Should -Be $leaf
            $failure[0].FullyQualifiedErrorId | Should -BeLike 'BackingFileMissing,*'
            $failure[0].CategoryInfo.Category | Should -Be 'ObjectNotFound'
            $failure[0].TargetObject | Should -Be $leaf
        }

        It 'ends at a loop' {
            $one = (New-QedImage "$folder/one.qed" 1GB).Path
            $two = (New-QedImage "$folder/two.qed" -BackingPath $one).Path
            # Nothing of ours closes a loop, but files can be moved.
            $null = New-QedImage "$folder/closing.qed" -BackingPath $two
            Move-Item -LiteralPath "$folder/closing.qed" $one -Force
            $found = Get-QedImageInfo $two -BackingChain -ErrorAction SilentlyContinue -ErrorVariable failure
            $found.Path | Should -Be $two, $one
            $failure[0].FullyQualifiedErrorId | Should -BeLike 'BackingChainLoop,*'
            $failure[0].CategoryInfo.Category | Should -Be 'InvalidData'
        }

        It 'refuses a backing file name that is a protocol' -Skip:(-not $hasQemu) {
            & qemu-img create -q -f qed -u -F raw -b 'nbd:localhost:1' "$folder/nbd.qed" 1M
            $found = Get-QedImageInfo "$folder/nbd.qed" -BackingChain -ErrorAction SilentlyContinue -ErrorVariable failure
            $found.BackingPath | Should -Be 'nbd:localhost:1'
            $found.BackingFullPath | Should -BeNullOrEmpty
            $failure[0].FullyQualifiedErrorId | Should -BeLike 'BackingFileRefused,*'
            $failure[0].CategoryInfo.Category | Should -Be 'SecurityError'
        }
    }

    Context 'what is no image' {
        It 'is not recognised where the name says it is one' {
            $null = New-RawFile "$folder/fake.qed"
            Get-QedImageInfo "$folder/fake.qed" -ErrorAction SilentlyContinue -ErrorVariable failure | Should -BeNullOrEmpty
            $failure[0].FullyQualifiedErrorId | Should -Be 'ImageNotRecognized,Qed.PowerShell.Commands.GetQedImageInfoCommand'
            $failure[0].CategoryInfo.Category | Should -Be 'InvalidData'
            $failure[0].TargetObject | Should -Be "$folder${/}fake.qed"
        }

        It 'is corrupt or out of bounds where the header breaks a rule' {
            $broken = (New-QedImage "$folder/broken.qed" 1GB).Path
            Write-UInt64 $broken 40 12345
            Get-QedImageInfo $broken -ErrorAction SilentlyContinue -ErrorVariable failure | Should -BeNullOrEmpty
            $failure[0].FullyQualifiedErrorId | Should -BeLike 'ImageCorrupt,*'
        }

        It 'is refused by name where it needs an unknown feature' {
            $future = (New-QedImage "$folder/future.qed" 1GB).Path
            Write-UInt64 $future 16 0x80
            Get-QedImageInfo $future -ErrorAction SilentlyContinue -ErrorVariable failure | Should -BeNullOrEmpty
            $failure[0].FullyQualifiedErrorId | Should -BeLike 'UnsupportedFeature,*'
            $failure[0].CategoryInfo.Category | Should -Be 'NotImplemented'
        }
    }

    Context 'shown to a person' {
        It 'has a table with sizes in units, grouped by folder' {
            $text = Get-QedImageInfo $top | Out-String -Width 120
            $text -replace '\s' | Should -Match ([regex]::Escape("Directory:$folder" -replace '\s'))
            $text | Should -Match 'qed\s+differencing\s+20 GiB\s+\d+ KiB\s+0 %\s+top\.qed -> '
        }

        It 'has a list that leaves out what the format lacks' {
            $text = Get-QedImageInfo (New-RawFile "$folder/listed.raw") | Format-List | Out-String -Width 120
            $text | Should -Match 'Size\s+: 1 MiB'
            $text | Should -Not -Match 'ClusterSize|TableSize|NeedsCheck|Backing|ParentPath'
        }

        It 'does not repeat a property under its other name' {
            $text = Get-QedImageInfo $top | Format-List | Out-String -Width 120
            $text | Should -Match 'BackingPath'
            $text | Should -Not -Match 'ParentPath|BlockSize'
        }
    }

    It 'says what qemu-img says' -Skip:(-not $hasQemu) {
        & qemu-img create -q -f qed -o cluster_size=8192,table_size=2 -b $base -F qed "$folder/theirs.qed" 3G
        $theirs = & qemu-img info --output=json "$folder/theirs.qed" | ConvertFrom-Json
        $info = Get-QedImageInfo "$folder/theirs.qed"
        $info.Size | Should -Be $theirs.'virtual-size'
        $info.ClusterSize | Should -Be $theirs.'cluster-size'
        $info.TableSize | Should -Be 2
        $info.BackingPath | Should -Be $theirs.'backing-filename'
        $info.AllocatedSize | Should -Be $theirs.'actual-size'
    }
}
