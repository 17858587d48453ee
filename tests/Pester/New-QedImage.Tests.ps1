BeforeDiscovery {
    $hasQemu = [bool](Get-Command qemu-img -ErrorAction Ignore)
}

BeforeAll {
    . $PSScriptRoot/Support.ps1
}

Describe 'New-QedImage' {
    BeforeAll {
        $folder = New-Folder
        $base = New-FilledImage "$folder/base.qed" 3MB
        $raw = New-RawFile "$folder/base.raw" 2MB
    }

    It 'emits what it has made' {
        $info = New-QedImage "$folder/plain.qed" 10GB
        $info | Should -BeOfType Qed.ImageInfo
        $info.Path | Should -Be "$folder${/}plain.qed"
        $info.Format | Should -Be 'qed'
        $info.Size | Should -Be 10GB
        $info.ClusterSize | Should -Be 64KB
        $info.TableSize | Should -Be 4
        $info.BackingPath | Should -BeNullOrEmpty
        $info.NeedsCheck | Should -BeFalse
        $info | Out-String | Should -Be (Get-QedImageInfo $info.Path | Out-String)
    }

    It 'makes an empty disk that takes up hardly any space' {
        $image = New-QedImage "$folder/empty.qed" 4MB
        $image.FileSize | Should -BeLessOrEqual 1MB
        $image.AllocatedSize | Should -BeLessThan 64KB
        Test-QedImage $image.Path -Quiet | Should -BeTrue
        [IO.File]::WriteAllBytes("$folder/zeroes.raw", [byte[]]::new(4MB))
        Get-ContentHash $image.Path | Should -Be (Get-FileHash -LiteralPath "$folder/zeroes.raw").Hash
    }

    It 'makes a disk of <_> bytes' -ForEach 512, 1536, 70368744177664 {
        (New-QedImage "$folder/size$_.qed" $_).Size | Should -Be $_
    }

    It 'refuses a disk of no size, and names the smallest one' {
        $failure = Get-Failure { New-QedImage "$folder/nothing.qed" 0 }
        $failure.FullyQualifiedErrorId | Should -BeLike 'InvalidSize,*'
        $failure.Exception.Message | Should -BeLike '*0 bytes*512*'
        "$folder/nothing.qed" | Should -Not -Exist
    }

    It 'makes the format that the name says: <Name>' -ForEach @(
        @{ Name = 'd.qed'; Format = 'qed' }, @{ Name = 'd.vhdx'; Format = 'vhdx' }, @{ Name = 'd.VHD'; Format = 'vhd' }, @{ Name = 'd.qcow2'; Format = 'qcow2' }
        @{ Name = 'd.vmdk'; Format = 'vmdk' }, @{ Name = 'd.vdi'; Format = 'vdi' }, @{ Name = 'd.raw'; Format = 'raw' }, @{ Name = 'd.img'; Format = 'raw' }
        @{ Name = 'd'; Format = 'qed' }, @{ Name = 'd.data'; Format = 'qed' }
    ) {
        $info = New-QedImage "$folder/named.$Name" 8MB
        $info.Format | Should -Be $Format
        $info.Size | Should -Be 8MB
        (Get-QedImageInfo $info.Path -SourceFormat $Format).Size | Should -Be 8MB
    }

    It 'makes the format that is asked for, unless the name says another' {
        (New-QedImage "$folder/asked.img" 8MB -Format QCOW2).Format | Should -Be 'qcow2'
        (New-QedImage "$folder/asked.vhdx" 8MB -VHDFormat vhdx).Format | Should -Be 'vhdx'
        foreach ($name in 'wrong.vhdx', 'wrong.raw') {
            $failure = Get-Failure { New-QedImage "$folder/$name" 8MB -Format qed }
            $failure.FullyQualifiedErrorId | Should -BeLike 'UnsupportedFeature,*'
            $failure.Exception.Message | Should -BeLike '*the name says *-Format QED*Name it .qed*'
            "$folder/$name" | Should -Not -Exist
        }
    }

    It 'makes variants of a format, in its own words too: <Word>' -ForEach @(
        @{ Word = 'Fixed'; File = 'v1.vhd'; Kind = 'fixed' }, @{ Word = 'dynamic'; File = 'v2.vhd'; Kind = 'dynamic' }
        @{ Word = 'static'; File = 'v3.vdi'; Kind = 'static' }, @{ Word = 'monolithicFlat'; File = 'v4.vmdk'; Kind = 'monolithicFlat' }
        @{ Word = 'monolithicSparse'; File = 'v5.vmdk'; Kind = 'monolithicSparse' }, @{ Word = 'version 3'; File = 'v6.qcow2'; Kind = 'version 3' }
    ) {
        (New-QedImage "$folder/$File" 8MB -Subformat $Word).Subformat | Should -Be $Kind
        (New-QedImage "$folder/$File" 8MB -VHDType (Get-QedImageInfo "$folder/$File").Subformat -Force).Subformat | Should -Be $Kind
    }

    It 'makes a child of a VHDX, and says how where its type is named' {
        $parent = (New-QedImage "$folder/parent.vhdx" 64MB).Path
        $child = New-QedImage "$folder/child.vhdx" -ParentPath $parent
        $child.Subformat | Should -Be 'differencing'
        $child.ParentPath | Should -Be $parent
        { New-QedImage "$folder/child2.vhdx" -ParentPath $parent -VHDType Differencing } | Should -Throw '*one with -BackingPath*'
    }

    It 'passes over what exists with -SkipExisting' {
        $names = "$folder${/}skip1.qed", $base, "$folder${/}skip2.qed"
        $hash = (Get-FileHash -LiteralPath $base).Hash
        $made = New-QedImage $names 1MB -SkipExisting -ErrorAction Stop
        Get-Name $made | Should -Be 'skip1', 'skip2'
        (Get-FileHash -LiteralPath $base).Hash | Should -Be $hash
        New-QedImage $names 1MB -SkipExisting -ErrorAction Stop | Should -BeNullOrEmpty
        { New-QedImage $names 1MB -SkipExisting -Force } | Should -Throw -ErrorId 'AmbiguousParameterSet,*'
    }

    It 'does not take the name of a Windows share for a file''s' -Skip:(-not $IsLinux) {
        $failure = Get-Failure { New-QedImage '\\srv\share\x.qed' 1MB }
        $failure.FullyQualifiedErrorId | Should -BeLike 'ImageNotFound,*'
        Get-ChildItem -LiteralPath ([IO.Directory]::GetCurrentDirectory()) -Filter '*share*' | Should -BeNullOrEmpty
    }

    It 'makes clusters of <Cluster> bytes and tables of <Table> clusters, and reaches as far as they do' -ForEach @(
        @{ Cluster = 4KB; Table = 1; Maximum = 1GB }
        @{ Cluster = 4KB; Table = 16; Maximum = 256GB }
        @{ Cluster = 64KB; Table = 2; Maximum = 16TB }
        @{ Cluster = 1MB; Table = 8; Maximum = 1PB * 1024 }
    ) {
        $info = New-QedImage "$folder/geometry.qed" 1MB -ClusterSizeBytes $Cluster -TableSize $Table -Force -WarningAction Ignore
        $info.ClusterSize | Should -Be $Cluster
        $info.TableSize | Should -Be $Table
        $info.MaximumSize | Should -Be $Maximum
        Test-QedImage $info.Path -Quiet | Should -BeTrue
    }

    It 'has the name for a cluster that users of New-VHD know' {
        (New-QedImage "$folder/block.qed" 1MB -BlockSizeBytes 128KB).ClusterSize | Should -Be 128KB
    }

    It 'warns of a geometry that QEMU cannot open' {
        $null = New-QedImage "$folder/odd.qed" 1MB -ClusterSizeBytes 4KB -TableSize 1 -WarningVariable warnings -WarningAction SilentlyContinue
        $warnings | Should -HaveCount 1
        $warnings[0].Message | Should -BeLike 'QEMU cannot open*'
    }

    It 'takes names and sizes from a table' {
        @{ Path = "$folder/row1.qed"; SizeBytes = 1MB }, @{ Path = "$folder/row2.qed"; SizeBytes = 2MB } |
            ForEach-Object { [pscustomobject]$_ } | Export-Csv -LiteralPath "$folder/plan.csv"
        $made = Import-Csv -LiteralPath "$folder/plan.csv" | New-QedImage -ThrottleLimit 1
        $made.Path | Should -Be "$folder${/}row1.qed", "$folder${/}row2.qed"
        $made.Size | Should -Be 1MB, 2MB
    }

    It 'takes wildcard characters as part of the new name' {
        $name = "[new]$(if ($IsLinux) { '*' }).qed"
        (New-QedImage "$folder/$name" 1MB).Path | Should -Be "$folder${/}$name"
    }

    It 'makes the good ones of a list where others fail' {
        $paths = "$folder${/}list1.qed", $base, "$folder${/}nowhere${/}x.qed", "$folder${/}list2.qed"
        $made = $paths | New-QedImage -SizeBytes 1MB -ErrorAction SilentlyContinue -ErrorVariable failures
        Get-Name $made | Should -Be 'list1', 'list2'
        $failures.TargetObject | Sort-Object | Should -Be $base, "$folder${/}nowhere${/}x.qed"
    }

    It 'makes each of many at the same time' {
        $paths = 1..40 | ForEach-Object { "$folder${/}many$_.qed" }
        ($paths | New-QedImage -SizeBytes 1MB -ThrottleLimit 4).Path | Sort-Object | Should -Be ($paths | Sort-Object)
    }

    It 'shows the log of the engine' {
        $log = New-QedImage "$folder/logged.qed" 1MB -Verbose 4>&1 | Where-Object { $_ -is [Management.Automation.VerboseRecord] }
        $log.Message | Should -Contain "Created '$folder${/}logged.qed', 1048576 bytes."
    }

    Context 'an existing file' {
        BeforeEach {
            $existing = New-FilledImage "$folder/existing.qed"
        }

        It 'is not overwritten' {
            $before = Get-FileHash -LiteralPath $existing
            $failure = Get-Failure { New-QedImage $existing 1GB }
            $failure.FullyQualifiedErrorId | Should -BeLike 'ImageExists,*'
            (Get-FileHash -LiteralPath $existing).Hash | Should -Be $before.Hash
        }

        It 'is replaced with -Force' {
            (New-QedImage $existing 1GB -Force).Size | Should -Be 1GB
            (Test-QedImage $existing).AllocatedClusters | Should -Be 0
        }

        It 'stays as it was where its replacement cannot be made' {
            $before = Get-FileHash -LiteralPath $existing
            Get-Failure { New-QedImage $existing 1000 -Force } | Should -HaveCount 1
            Get-Failure { New-QedImage $existing -BackingPath "$folder/none.qed" -Force } | Should -HaveCount 1
            (Get-FileHash -LiteralPath $existing).Hash | Should -Be $before.Hash
        }

        It 'is not replaced while it is in use' {
            $handle = Open-ForWriting $existing
            try { (Get-Failure { New-QedImage $existing 1GB -Force }).FullyQualifiedErrorId | Should -BeLike 'ImageInUse,*' } finally { $handle.Dispose() }
        }

        It 'is replaced only with the word of the user, where that is asked for' {
            $before = Get-FileHash -LiteralPath $existing
            $session = Invoke-Session { New-QedImage $path 1GB -Force -Confirm } @{ path = $existing } -Answer 2
            $session.Host.Questions | Should -HaveCount 1
            $session.Output | Should -BeNullOrEmpty
            (Get-FileHash -LiteralPath $existing).Hash | Should -Be $before.Hash
            (Invoke-Session { New-QedImage $path 1GB -Force -Confirm } @{ path = $existing } -Answer 0).Output.Size | Should -Be 1GB
        }
    }

    Context 'on a backing file' {
        It 'has its size and reads as it does' {
            $top = New-QedImage "$folder/top.qed" -BackingPath $base
            $top.Size | Should -Be 3MB
            $top.BackingPath | Should -Be $base
            Get-ContentHash $top.Path | Should -Be (Get-ContentHash $base)
        }

        It 'can be larger or smaller' {
            (New-QedImage "$folder/larger.qed" 5GB -BackingPath $base).Size | Should -Be 5GB
            (New-QedImage "$folder/smaller.qed" 1MB -BackingPath $base).Size | Should -Be 1MB
        }

        It 'has a size of whole sectors, whatever the backing file has' {
            $null = New-RawFile "$folder/uneven.raw" 1000
            (New-QedImage "$folder/whole.qed" -BackingPath "$folder/uneven.raw").Size | Should -Be 1024
        }

        It 'can be told by -<_>' -ForEach 'ParentPath', 'BackingFile' {
            $named = @{ $_ = $base }
            (New-QedImage "$folder/alias.qed" @named -Force).BackingFullPath | Should -Be $base
        }

        It 'fixes that a raw one is raw' {
            $top = New-QedImage "$folder/onraw.qed" -BackingPath $raw
            $top.BackingFormat | Should -Be 'raw'
            $top.Features | Should -Contain 'BackingFormatNoProbe'
            # A guest that writes another format's header into its disk does not change what the file is.
            Copy-Item -LiteralPath $base -Destination $raw
            (Get-QedImageInfo $top.Path -BackingChain)[1].Format | Should -Be 'raw'
        }

        It 'is taken for what -BackingFormat says' {
            $top = New-QedImage "$folder/told.qed" -BackingPath $base -BackingFormat raw
            $top.Size | Should -Be (Get-Item -LiteralPath $base).Length
            $top.BackingFormat | Should -Be 'raw'
            (Get-Failure { New-QedImage "$folder/x.qed" -BackingPath $base -BackingFormat nothing }).Exception.Message | Should -Match 'qed.*raw'
        }

        It 'stores a relative path relative to the image' {
            $null = New-Item -ItemType Directory "$folder/sub", "$folder/sub/deep"
            Push-Location -LiteralPath "$folder/sub"
            try { $top = New-QedImage deep/relative.qed -BackingPath ../base.qed } finally { Pop-Location }
            $top.BackingPath | Should -Be '../../base.qed'
            $top.BackingFullPath | Should -Be $base
        }

        It 'understands a path that is meant from the image, as qemu-img does' {
            $null = New-Item -ItemType Directory "$folder/vm"
            $null = New-QedImage "$folder/vm/disk.qed" 1MB
            (New-QedImage "$folder/vm/overlay.qed" -BackingPath disk.qed).BackingFullPath | Should -Be "$folder${/}vm${/}disk.qed"
        }

        It 'understands a path on a drive of PowerShell' {
            $null = New-PSDrive -Name backing -PSProvider FileSystem -Root $folder
            (New-QedImage "$folder/ondrive.qed" -BackingPath backing:\base.qed).BackingFullPath | Should -Be $base
        }

        It 'makes one overlay for each of a list' {
            $made = 1..5 | ForEach-Object { "$folder${/}clone$_.qed" } | New-QedImage -BackingPath $base
            $made.BackingFullPath | Sort-Object -Unique | Should -Be $base
            $made | Should -HaveCount 5
        }

        It 'makes nothing where the backing file <Why>' -ForEach @(
            @{ Why = 'is missing'; Name = 'gone.qed'; Id = 'BackingFileMissing' }
            @{ Why = 'is a protocol'; Name = 'nbd:localhost:10809'; Id = 'BackingFileRefused' }
            @{ Why = 'is a json: description'; Name = 'json:{"driver":"null-co"}'; Id = 'BackingFileRefused' }
            @{ Why = 'is on another provider'; Name = 'env:PATH'; Id = 'BackingFileRefused' }
        ) {
            $failure = Get-Failure { New-QedImage "$folder/never.qed" -BackingPath $Name }
            $failure.FullyQualifiedErrorId | Should -BeLike "$Id,*"
            $failure.TargetObject | Should -Be "$folder${/}never.qed"
            Get-ChildItem -LiteralPath $folder -Filter never* | Should -BeNullOrEmpty
        }

        It 'refuses a format for a backing file that is not given' {
            { New-QedImage "$folder/never.qed" 1MB -BackingFormat raw } | Should -Throw -ErrorId 'MissingMandatoryParameter,*'
        }
    }

    It 'leaves no file open and nothing unfinished' {
        Get-OpenFile $folder | Should -BeNullOrEmpty
        Get-ChildItem -LiteralPath $folder -Filter *.partial | Should -BeNullOrEmpty
    }

    It 'makes what qemu-img takes for sound' -Skip:(-not $hasQemu) {
        $null = New-QedImage "$folder/theirs.qed" 1GB -ClusterSizeBytes 32KB -TableSize 2 -BackingPath $base
        & qemu-img check -q "$folder/theirs.qed"
        $LASTEXITCODE | Should -Be 0
        $info = & qemu-img info --output=json "$folder/theirs.qed" | ConvertFrom-Json
        $info.'virtual-size' | Should -Be 1GB
        $info.'cluster-size' | Should -Be 32KB
        $info.'full-backing-filename' | Should -Be $base
    }
}
