BeforeDiscovery {
    $hasQemu = [bool](Get-Command qemu-img -ErrorAction Ignore)
}

BeforeAll {
    . $PSScriptRoot/Support.ps1
}

Describe 'Convert-QedImage' {
    BeforeAll {
        $folder = New-Folder
        $raw = New-RawFile "$folder/source.raw" 4MB
        $qed = New-FilledImage "$folder/source.qed" 4MB
        $rawHash = (Get-FileHash -LiteralPath $raw).Hash
    }

    BeforeEach {
        $out = New-Folder
    }

    AfterEach {
        Get-ChildItem -LiteralPath $out -Filter *.partial | Should -BeNullOrEmpty
        Get-OpenFile $folder | Should -BeNullOrEmpty
    }

    It 'writes a raw image as QED and back, byte for byte' {
        Convert-QedImage $raw "$out/there.qed"
        Test-QedImage "$out/there.qed" -Quiet | Should -BeTrue
        (Get-QedImageInfo "$out/there.qed").Size | Should -Be 4MB
        Convert-QedImage "$out/there.qed" "$out/back.raw"
        (Get-FileHash -LiteralPath "$out/back.raw").Hash | Should -Be $rawHash
    }

    It 'stores only the clusters that hold data' {
        Convert-QedImage $raw "$out/sparse.qed"
        (Test-QedImage "$out/sparse.qed").AllocatedClusters | Should -Be 48
    }

    It 'leaves the source as it was' {
        $before = Get-Fingerprint $folder
        Convert-QedImage $raw "$out/a.qed"
        Convert-QedImage $qed "$out/a.raw" -Verify
        Get-Fingerprint $folder | Should -Be $before
    }

    It 'says nothing unless asked to' {
        Convert-QedImage $raw "$out/silent.qed" | Should -BeNullOrEmpty
        $info = Convert-QedImage $raw "$out/passed.qed" -PassThru
        $info | Should -BeOfType Qed.ImageInfo
        $info.Path | Should -Be "$out${/}passed.qed"
        $info.Size | Should -Be 4MB
    }

    It 'goes by the extension of the target, in any case' {
        (Convert-QedImage $raw "$out/upper.QED" -PassThru).Format | Should -Be 'qed'
        (Convert-QedImage $qed "$out/plain.raw" -PassThru).Format | Should -Be 'raw'
    }

    It 'lets -Format decide against the extension' {
        Convert-QedImage $raw "$out/really.raw" -Format QED
        [IO.File]::ReadAllBytes("$out/really.raw")[0..3] | Should -Be 0x51, 0x45, 0x44, 0
        Convert-QedImage $qed "$out/really.qed" -Format raw
        (Get-FileHash -LiteralPath "$out/really.qed").Hash | Should -Be $rawHash
    }

    It 'copies the bytes of a QED file as a disk where -SourceFormat is raw' {
        Convert-QedImage $qed "$out/inside.raw" -SourceFormat raw
        (Get-FileHash -LiteralPath "$out/inside.raw").Hash | Should -Be (Get-FileHash -LiteralPath $qed).Hash
    }

    It 'refuses a source that is not what -SourceFormat says' {
        (Get-Failure { Convert-QedImage $raw "$out/x.qed" -SourceFormat qed }).FullyQualifiedErrorId | Should -BeLike 'ImageNotRecognized,*'
        Get-ChildItem -LiteralPath $out | Should -BeNullOrEmpty
    }

    It 'gives the target the geometry asked for' {
        $info = Convert-QedImage $raw "$out/geometry.qed" -ClusterSizeBytes 16KB -TableSize 2 -PassThru
        $info.ClusterSize | Should -Be 16KB
        $info.TableSize | Should -Be 2
        Get-ContentHash $info.Path | Should -Be $rawHash
        (Convert-QedImage $raw "$out/block.qed" -BlockSizeBytes 1MB -PassThru).ClusterSize | Should -Be 1MB
    }

    It 'keeps and chooses the sector sizes of VHDX, by the names of Hyper-V' {
        $plain = Convert-QedImage $raw "$out/plain.vhdx" -PassThru
        $plain.LogicalSectorSize, $plain.PhysicalSectorSize | Should -Be 512, 4096
        $large = Convert-QedImage $raw "$out/large.vhdx" -LogicalSectorSizeBytes 4096 -PhysicalSectorSizeBytes 4KB -PassThru
        $large.LogicalSectorSize, $large.PhysicalSectorSize | Should -Be 4096, 4096
        (Convert-QedImage "$out/large.vhdx" "$out/again.vhdx" -PassThru).LogicalSectorSize | Should -Be 4096
        $lost = Convert-QedImage "$out/large.vhdx" "$out/lost.qed" -PassThru -WarningVariable said -WarningAction SilentlyContinue
        $lost.LogicalSectorSize | Should -BeNullOrEmpty
        $said | Should -BeLike '*large.vhdx*4096-byte sectors*'
        (Get-Failure { Convert-QedImage $raw "$out/odd.vhdx" -LogicalSectorSizeBytes 1000 }).FullyQualifiedErrorId | Should -BeLike 'InvalidGeometry*'
    }

    It 'pads a disk that is no whole number of sectors, and warns' {
        $null = New-RawFile "$out/uneven.raw" 1000
        $info = Convert-QedImage "$out/uneven.raw" "$out/even.qed" -PassThru -Verify -WarningVariable warnings -WarningAction SilentlyContinue
        $info.Size | Should -Be 1024
        $warnings[0].Message | Should -Match 'padded with zeroes to 1024 bytes'
    }

    It 'flattens a chain' {
        $top = (New-QedImage "$out/top.qed" -BackingPath $qed).Path
        $flat = Convert-QedImage $top "$out/flat.qed" -PassThru
        $flat.BackingPath | Should -BeNullOrEmpty
        Get-ContentHash $flat.Path | Should -Be $rawHash
    }

    It 'takes a relative target from the current location' {
        Push-Location -LiteralPath $out
        try { Convert-QedImage $raw relative.qed } finally { Pop-Location }
        "$out/relative.qed" | Should -Exist
    }

    It 'takes wildcard characters in the name of the target literally' {
        $target = "$out${/}[a]$(if ($IsLinux) { '*' }).qed"
        Convert-QedImage $raw $target
        Test-Path -LiteralPath $target | Should -BeTrue
    }

    Context 'several sources' {
        BeforeAll {
            $many = New-Folder
            1..4 | ForEach-Object { $null = New-RawFile "$many/disk$_.raw" 256KB -Seed $_ }
        }

        It 'go to a folder under their own names' {
            $made = Get-ChildItem -LiteralPath $many | Convert-QedImage -DestinationPath $out -Format qed -PassThru
            Get-Name $made | Should -Be 'disk1', 'disk2', 'disk3', 'disk4'
            foreach ($n in 1..4) {
                Get-ContentHash "$out/disk$n.qed" | Should -Be (Get-FileHash -LiteralPath "$many/disk$n.raw").Hash
            }
        }

        It 'go where each row of a table says' {
            Get-ChildItem -LiteralPath $many | ForEach-Object { [pscustomobject]@{ Path = $_.FullName; DestinationPath = "$out/new-$($_.BaseName).qed" } } |
                Export-Csv -LiteralPath "$out/plan.csv"
            Import-Csv -LiteralPath "$out/plan.csv" | Convert-QedImage
            Get-ChildItem -LiteralPath $out -Filter new-*.qed | Should -HaveCount 4
        }

        It 'are all converted but for the bad one' {
            $null = New-RawFile "$out/bad.qed"
            $made = @(Get-ChildItem -LiteralPath $many) + (Get-Item -LiteralPath "$out/bad.qed") |
                Convert-QedImage -DestinationPath $out -Format qed -PassThru -ErrorAction SilentlyContinue -ErrorVariable failures
            $made | Should -HaveCount 4
            $failures | Should -HaveCount 1
            $failures[0].TargetObject | Should -Be "$out${/}bad.qed"
        }

        It 'need a format for the files of the folder' {
            $failure = Get-Failure { Get-ChildItem -LiteralPath $many -Filter disk1.raw | Convert-QedImage -DestinationPath $out }
            $failure.FullyQualifiedErrorId | Should -BeLike 'UnsupportedFeature,*'
            $failure.TargetObject | Should -Be "$many${/}disk1.raw"
            $failure.Exception.Path | Should -Be $out
            $failure.Exception.Message | Should -BeLike '*-Format*'
        }

        It 'do not overwrite each other' {
            $failures = Get-Failure { Convert-QedImage "$many/disk1.raw", "$many/disk2.raw" -DestinationPath "$out/one.qed" -Force }
            $failures.FullyQualifiedErrorId | Should -BeLike 'ImageExists,*'
            $failures.TargetObject | Should -Be "$many${/}disk2.raw"
            $failures.Exception.Path | Should -Be "$out${/}one.qed"
            Get-ContentHash "$out/one.qed" | Should -Be (Get-FileHash -LiteralPath "$many/disk1.raw").Hash
        }

        It 'do not become a file where the folder is missing' {
            $failures = Get-Failure { Get-ChildItem -LiteralPath $many | Convert-QedImage -DestinationPath "$out/missing" -Format vhdx }
            $failures | Should -HaveCount 4
            $failures.FullyQualifiedErrorId | ForEach-Object { $_ | Should -BeLike 'ImageNotFound,*' }
            $failures[0].Exception.Message | Should -BeLike "*missing': there is no folder of this name*Create it first.*"
            Get-ChildItem -LiteralPath $out | Should -BeNullOrEmpty
            # One may.
            (Convert-QedImage "$many/disk1.raw" "$out/missing" -Format qed -PassThru).Path | Should -Be "$out${/}missing"
        }

        It 'go on where they were left with -SkipExisting' {
            Convert-QedImage "$many/disk2.raw" "$out/disk2.qed"
            $before = (Get-FileHash -LiteralPath "$out/disk2.qed").Hash
            $log = Get-ChildItem -LiteralPath $many | Convert-QedImage -Destination $out -Format qed -SkipExisting -DeleteSource:$false -Verbose -ErrorAction Stop 4>&1
            "$log" | Should -BeLike "*Skipped '$many${/}disk2.raw': '$out${/}disk2.qed' exists already.*"
            (Get-ChildItem -LiteralPath $out).Name | Should -Be 'disk1.qed', 'disk2.qed', 'disk3.qed', 'disk4.qed'
            (Get-FileHash -LiteralPath "$out/disk2.qed").Hash | Should -Be $before
            Get-ChildItem -LiteralPath $many | Convert-QedImage -Destination $out -Format qed -SkipExisting -PassThru -ErrorAction Stop | Should -BeNullOrEmpty
        }

        It 'keep the folders that they are in with -RelativeTo' {
            $tree = New-Folder
            $null = New-Item -ItemType Directory "$tree/a", "$tree/b/c"
            Copy-Item -LiteralPath "$many/disk1.raw" "$tree/a/disk.raw"
            Copy-Item -LiteralPath "$many/disk2.raw" "$tree/b/c/disk.raw"
            Get-ChildItem -LiteralPath $tree -Recurse | Convert-QedImage -DestinationPath "$out/new" -Format qed -RelativeTo $tree -WhatIf
            "$out/new" | Should -Not -Exist
            $made = Get-ChildItem -LiteralPath $tree -Recurse | Sort-Object FullName | Convert-QedImage -DestinationPath "$out/new" -Format qed -RelativeTo $tree -PassThru -ErrorAction Stop
            $made.Path | Should -Be "$out${/}new${/}a${/}disk.qed", "$out${/}new${/}b${/}c${/}disk.qed"
            $failure = Get-Failure { Convert-QedImage "$many/disk1.raw" $out -Format qed -RelativeTo $tree }
            $failure.FullyQualifiedErrorId | Should -BeLike 'ImageNotFound,*'
            $failure.Exception.Message | Should -BeLike "*does not lie below '$tree'*"
        }

        It 'can be chained with other cmdlets' {
            Get-ChildItem -LiteralPath $many | Convert-QedImage -DestinationPath $out -Format qed -PassThru | Test-QedImage -Quiet |
                Should -Be $true, $true, $true, $true
        }
    }

    Context 'an existing target' {
        It 'is not overwritten without -Force' {
            $target = New-FilledImage "$out/target.qed" 256KB
            $before = Get-Fingerprint $out
            (Get-Failure { Convert-QedImage $raw $target }).FullyQualifiedErrorId | Should -BeLike 'ImageExists,*'
            Get-Fingerprint $out | Should -Be $before
            Convert-QedImage $raw $target -Force
            Get-ContentHash $target | Should -Be $rawHash
        }

        It 'stays as it was where the conversion fails' {
            $target = New-FilledImage "$out/target.raw.qed" 256KB
            $bad = New-FilledImage "$out/bad.qed"
            Set-Corruption $bad
            $before = Get-Fingerprint $out
            (Get-Failure { Convert-QedImage $bad $target -Force }).FullyQualifiedErrorId | Should -BeLike 'ImageCorrupt,*'
            Get-Fingerprint $out | Should -Be $before
        }

        It 'is never the source itself, nor what it rests on, under whatever name' {
            $base = New-FilledImage "$out/base.qed" 256KB
            $top = (New-QedImage "$out/top.qed" -BackingPath $base).Path
            if (Test-Wine) { Set-ItResult -Skipped -Because 'no symbolic link can be made under Wine' }
            $null = New-Item -ItemType SymbolicLink -Path "$out/link.qed" -Target $base
            $before = Get-Fingerprint $out
            foreach ($target in $top, $base, "$out/link.qed") {
                (Get-Failure { Convert-QedImage $top $target -Force }).FullyQualifiedErrorId | Should -BeLike 'ImageExists,*'
            }
            Get-Fingerprint $out | Should -Be $before
        }
    }

    Context '-Verify' {
        It 'reads both images again and says so' {
            $log = Convert-QedImage $raw "$out/verified.qed" -Verify -Verbose 4>&1
            "$log" | Should -BeLike "*Copied 3145728 of 4194304 bytes from '$raw'*Verified that '$out${/}verified.qed' reads as '$raw'*"
        }
    }

    Context '-DeleteSource' {
        BeforeEach {
            $source = New-RawFile "$out/source.raw" 256KB
            $hash = (Get-FileHash -LiteralPath $source).Hash
        }

        It 'deletes the source after verifying its copy' {
            $log = Convert-QedImage $source "$out/kept.qed" -DeleteSource -Verbose 4>&1
            $source | Should -Not -Exist
            Get-ContentHash "$out/kept.qed" | Should -Be $hash
            "$log" | Should -BeLike "*Verified*Deleted the source '$source' after a verified conversion.*"
        }

        It 'deletes all files of a VMDK that consists of several' {
            $null = Convert-QedImage $source "$out/split.vmdk" -Subformat Fixed
            "$out/split-flat.vmdk" | Should -Exist
            $log = Convert-QedImage "$out/split.vmdk" "$out/whole.qed" -DeleteSource -Verbose 4>&1
            "$out/split.vmdk", "$out/split-flat.vmdk" | Should -Not -Exist
            Get-ContentHash "$out/whole.qed" | Should -Be $hash
            "$log" | Should -BeLike "*Deleted*split.vmdk'*Deleted*split-flat.vmdk'*"
        }

        It 'deletes nothing where the conversion fails' {
            $null = Get-Failure { Convert-QedImage $source "$out/no folder/x.qed" -DeleteSource }
            $null = Get-Failure { Convert-QedImage $source $qed -DeleteSource }
            $null = Get-Failure { Convert-QedImage $source "$out/x.qed" -DeleteSource -TableSize 3 }
            $source | Should -Exist
        }

        It 'deletes nothing where the answer is no' {
            $session = Invoke-Session { Convert-QedImage $source "$out/kept.qed" -DeleteSource -Confirm } @{ source = $source; out = $out } -Answer 2
            $session.Host.Questions | Should -BeLike "*delete the source*"
            $source | Should -Exist
            "$out/kept.qed" | Should -Not -Exist
        }

        It 'does not delete what the target rests on' {
            $failure = Get-Failure { Convert-QedImage $source "$out/overlay.qed" -BackingPath $source -DeleteSource }
            $failure.FullyQualifiedErrorId | Should -BeLike 'BackingFileRefused,*'
            $source | Should -Exist
            "$out/overlay.qed" | Should -Not -Exist
        }
    }

    Context '-BackingPath' {
        BeforeEach {
            $base = New-FilledImage "$out/base.qed" 1MB
            $changed = New-RawFile "$out/changed.raw" 1MB
            Write-UInt64 $changed 131072 ([uint64[]](1..100))
        }

        It 'writes only what differs' {
            $info = Convert-QedImage $changed "$out/diff.qed" -BackingPath $base -PassThru -Verify
            $info.BackingPath | Should -Be $base
            (Test-QedImage $info.Path).AllocatedClusters | Should -Be 1
            Get-ContentHash $info.Path | Should -Be (Get-FileHash -LiteralPath $changed).Hash
        }

        It 'writes zeroes where the backing file has data' {
            Write-UInt64 $changed 0 ([uint64[]]::new(8192))
            $info = Convert-QedImage $changed "$out/diff.qed" -BackingPath $base -PassThru
            (Test-QedImage $info.Path).ZeroClusters | Should -Be 1
            Get-ContentHash $info.Path | Should -Be (Get-FileHash -LiteralPath $changed).Hash
        }

        It 'hides what lies beyond the end of a shorter disk' {
            $null = New-RawFile "$out/short.raw" 640KB
            $info = Convert-QedImage "$out/short.raw" "$out/diff.qed" -BackingPath $base -PassThru
            $info.Size | Should -Be 640KB
            $null = Resize-QedImage $info.Path 1MB
            Test-Zero $info.Path 640KB 384KB | Should -BeTrue
        }

        It 'has the other names and the format that New-QedImage has' {
            foreach ($name in 'ParentPath', 'BackingFile') {
                $named = @{ $name = $base; BackingFormat = 'raw' }
                $info = Convert-QedImage $changed "$out/$name.qed" @named -PassThru
                $info.BackingFullPath | Should -Be $base
                $info.BackingFormat | Should -Be 'raw'
            }
        }

        It 'makes nothing where the backing file is missing' {
            (Get-Failure { Convert-QedImage $changed "$out/diff.qed" -BackingPath "$out/none.qed" }).FullyQualifiedErrorId | Should -BeLike 'BackingFileMissing,*'
            "$out/diff.qed" | Should -Not -Exist
        }
    }

    Context 'what a format cannot do' {
        It 'is refused by name: <Name>' -ForEach @(
            @{ Name = 'a cluster size'; Target = 'x.raw'; Option = @{ ClusterSizeBytes = 4096 }; Says = '*raw*cluster size*' }
            @{ Name = 'a table size'; Target = 'x.raw'; Option = @{ TableSize = 2 }; Says = '*raw*tables*' }
            @{ Name = 'a backing file'; Target = 'x.raw'; Option = @{ BackingPath = 'source.raw' }; Says = '*raw*backing files*' }
            @{ Name = 'compression of raw'; Target = 'x.raw'; Option = @{ Compress = $true }; Says = '*raw*compression*' }
            @{ Name = 'compression of QED'; Target = 'x.qed'; Option = @{ Compress = $true }; Says = '*QED*compression*' }
            @{ Name = 'a fixed QED'; Target = 'x.qed'; Option = @{ Subformat = 'Fixed' }; Says = '*QED*Fixed*Dynamic*' }
            @{ Name = 'a streamed QED'; Target = 'x.qed'; Option = @{ Subformat = 'StreamOptimized' }; Says = '*QED*StreamOptimized*Dynamic*' }
            @{ Name = 'a format that is none'; Target = 'x.qed'; Option = @{ Format = 'nonsense' }; Says = '*nonsense*qed*raw*' }
            @{ Name = 'a source format that is none'; Target = 'x.qed'; Option = @{ SourceFormat = 'nonsense' }; Says = '*nonsense*qed*raw*' }
            @{ Name = 'a name that stands for none'; Target = 'x.nonsense'; Option = @{}; Says = '*-Format*' }
        ) {
            Push-Location -LiteralPath $folder
            try { $failure = Get-Failure { Convert-QedImage $raw "$out/$Target" @Option } } finally { Pop-Location }
            $failure | Should -HaveCount 1
            $failure.FullyQualifiedErrorId | Should -BeLike 'UnsupportedFeature,*'
            $failure.Exception.Message | Should -BeLike $Says
            Get-ChildItem -LiteralPath $out | Should -BeNullOrEmpty
        }

        It 'does not stand in the way of what it can' {
            (Convert-QedImage $raw "$out/dynamic.qed" -Subformat Dynamic -PassThru).Format | Should -Be 'qed'
        }
    }

    It 'writes what qemu-img reads the same' -Skip:(-not $hasQemu) {
        Convert-QedImage $raw "$out/ours.qed"
        & qemu-img compare -q $raw "$out/ours.qed"
        $LASTEXITCODE | Should -Be 0
        & qemu-img check -q "$out/ours.qed"
        $LASTEXITCODE | Should -Be 0
    }

    It 'serves the disk while it converts it: it can be read and written from the beginning' {
        $folder = New-Folder
        $source = Convert-QedImage (New-FilledImage "$folder/disk.qed") "$folder/old.vhdx" -PassThru
        $hash = Get-ContentHash $source.Path
        $server = Convert-QedImage $source.Path "$folder/new.qed" -Serve
        try {
            $server | Should -BeOfType Qed.ImageServer
            $server.Exports[0].OverlayPath | Should -Be "$folder${/}new.qed"
            Wait-Until { $server.LeftBytes -eq 0 }
            if (Get-Command nbdcopy -ErrorAction Ignore) {
                & nbdcopy $server.Address "$folder/copy.raw"
                (Get-FileHash "$folder/copy.raw").Hash | Should -Be $hash
            }
        }
        finally {
            $server | Stop-QedServer
        }
        (Get-QedImageInfo "$folder/new.qed").BackingPath | Should -BeNullOrEmpty
        Get-ContentHash "$folder/new.qed" | Should -Be $hash
        (Get-Failure { Convert-QedImage $source.Path "$folder/new.vhd" -Serve }).FullyQualifiedErrorId | Should -BeLike 'UnsupportedFeature,*'
        { Convert-QedImage $source.Path "$folder/other.qed" -Serve -Verify } | Should -Throw -ErrorId 'AmbiguousParameterSet,*'
        "$folder/other.qed" | Should -Not -Exist
    }
}
