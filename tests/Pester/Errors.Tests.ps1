# What scripts may rely on: the id, the category and the target object of each error, and what its message tells.

BeforeDiscovery {
    $cases = @(
        @{ Id = 'ImageNotFound'; Category = 'ObjectNotFound'; Case = 'a missing image'; Target = 'none.qed'; Says = 'no such file'
            Act = { Test-QedImage "$folder/none.qed" } }
        @{ Id = 'ImageNotFound'; Category = 'ObjectNotFound'; Case = 'a missing source'; Target = 'none.qed'; Says = 'no such file'
            Act = { Convert-QedImage "$folder/none.qed" "$folder/x.raw" } }
        @{ Id = 'ImageNotFound'; Category = 'ObjectNotFound'; Case = 'a missing folder for a new image'; Target = 'none/x.qed'; Says = 'no such folder'
            Act = { New-QedImage "$folder/none/x.qed" 1MB } }
        @{ Id = 'ImageNotFound'; Category = 'ObjectNotFound'; Case = 'a missing folder for a target'; Asked = 'image.qed'; Target = 'none/x.raw'; Says = 'no such folder'
            Act = { Convert-QedImage $image "$folder/none/x.raw" } }
        @{ Id = 'ImageNotRecognized'; Category = 'InvalidData'; Case = 'a file that only has the name'; Target = 'fake.qed'; Says = '*signature*QED*missing*raw image: Convert-QedImage has -SourceFormat for that.'
            Act = { Test-QedImage (New-RawFile "$folder/fake.qed") } }
        @{ Id = 'ImageNotRecognized'; Category = 'InvalidData'; Case = 'a folder'; Target = 'sub.qed'; Says = '*folder*'
            Act = { $null = New-Item -ItemType Directory "$folder/sub.qed" -Force; Get-QedImageInfo "$folder/sub.qed" } }
        @{ Id = 'ImageCorrupt'; Category = 'InvalidData'; Case = 'tables that are damaged'; Target = 'corrupt.qed'; Says = '*L2 entry 0 of L1 entry 0*0x7fff0000*Test-QedImage*'
            Act = { Set-Corruption (New-FilledImage "$folder/corrupt.qed"); Convert-QedImage "$folder/corrupt.qed" "$folder/x.raw" } }
        @{ Id = 'ImageCorrupt'; Category = 'InvalidData'; Case = 'a header that is damaged'; Target = 'header.qed'; Says = '*L1 table*header field l1_table_offset at offset 40, value 0x3039*'
            Act = { Write-UInt64 (New-FilledImage "$folder/header.qed") 40 12345; Resize-QedImage "$folder/header.qed" 1GB } }
        @{ Id = 'ImageInUse'; Category = 'ResourceBusy'; Case = 'an image that somebody writes'; Target = 'image.qed'; Says = if ($IsLinux) { '*being written by this process*' } else { '*in use by this process*' }
            Act = { $held = Open-ForWriting $image; try { Test-QedImage $image } finally { $held.Dispose() } } }
        @{ Id = 'ImageInUse'; Category = 'ResourceBusy'; Case = 'changing an image that somebody writes'; Target = 'image.qed'; Says = '*in use by this process*'
            Act = { $held = Open-ForWriting $image; try { Set-QedBackingFile $image -None -Confirm:$false } finally { $held.Dispose() } } }
        @{ Id = 'ImageExists'; Category = 'ResourceExists'; Case = 'a new image over an old one'; Target = 'image.qed'; Says = '*exists already*-Force*'
            Act = { New-QedImage $image 1MB } }
        @{ Id = 'ImageExists'; Category = 'ResourceExists'; Case = 'a target over another image'; Asked = 'a.raw'; Target = 'image.qed'; Says = '*exists already*-Force*'
            Act = { Convert-QedImage (New-RawFile "$folder/a.raw") $image } }
        @{ Id = 'ImageExists'; Category = 'ResourceExists'; Case = 'a target over its source'; Target = 'image.qed'; Says = '*the same file*'
            Act = { Convert-QedImage $image $image -Force } }
        @{ Id = 'UnsupportedFeature'; Category = 'NotImplemented'; Case = 'a feature of the future'; Target = 'future.qed'; Says = '*unknown incompatible features: bit 7 (header field features at offset 16, value 0x80)*'
            Act = { Write-UInt64 (New-FilledImage "$folder/future.qed") 16 0x80; Test-QedImage "$folder/future.qed" } }
        @{ Id = 'UnsupportedFeature'; Category = 'NotImplemented'; Case = 'an ability that a format lacks'; Asked = 'image.qed'; Target = 'x.raw'; Says = '*raw*compression*'
            Act = { Convert-QedImage $image "$folder/x.raw" -Compress } }
        @{ Id = 'UnsupportedFeature'; Category = 'NotImplemented'; Case = 'another format where QED is needed'; Target = 'b.raw'; Says = '*only QED*Convert-QedImage*'
            Act = { Resize-QedImage (New-RawFile "$folder/b.raw") 2MB } }
        @{ Id = 'InvalidSize'; Category = 'InvalidArgument'; Case = 'no whole sectors'; Target = 'new.qed'; Says = '*multiple of 512, not 1000.*nearest*1024.'
            Act = { New-QedImage "$folder/new.qed" 1000 } }
        @{ Id = 'InvalidSize'; Category = 'InvalidArgument'; Case = 'more than the tables reach'; Target = 'new.qed'; Says = '*at most 70368744177664 bytes, not 70368744178176.*-ClusterSizeBytes*-TableSize*'
            Act = { New-QedImage "$folder/new.qed" (64TB + 512) } }
        @{ Id = 'InvalidSize'; Category = 'InvalidArgument'; Case = 'neither, near the limit of numbers'; Target = 'new.qed'; Says = '*at most 70368744177664 bytes*'
            Act = { New-QedImage "$folder/new.qed" ([long]::MaxValue) } }
        @{ Id = 'InvalidSize'; Category = 'InvalidArgument'; Case = 'more than a file can hold'; Target = 'new.qed'; Says = '*largest size is 9223372036854775296.'
            Act = { New-QedImage "$folder/new.qed" ([uint64]::MaxValue) } }
        @{ Id = 'InvalidSize'; Category = 'InvalidArgument'; Case = 'no size at all'; Target = 'new.qed'; Says = '*-SizeBytes*'
            Act = { New-QedImage "$folder/new.qed" } }
        @{ Id = 'InvalidSize'; Category = 'InvalidArgument'; Case = 'shrinking without consent'; Target = 'image.qed'; Says = '*-AllowShrink*'
            Act = { Resize-QedImage $image 512KB } }
        @{ Id = 'InvalidGeometry'; Category = 'InvalidArgument'; Case = 'a cluster size that is no power of two'; Target = 'new.qed'; Says = '*4 KiB to 64 MiB, not 60000.*nearest*65536.'
            Act = { New-QedImage "$folder/new.qed" 1MB -ClusterSizeBytes 60000 } }
        @{ Id = 'InvalidGeometry'; Category = 'InvalidArgument'; Case = 'a cluster size out of bounds'; Target = 'new.qed'; Says = '*nearest*67108864.'
            Act = { New-QedImage "$folder/new.qed" 1MB -ClusterSizeBytes 128MB } }
        @{ Id = 'InvalidGeometry'; Category = 'InvalidArgument'; Case = 'a cluster size beyond all numbers'; Target = 'new.qed'; Says = '*67108864*'
            Act = { New-QedImage "$folder/new.qed" 1MB -ClusterSizeBytes ([uint64]::MaxValue) } }
        @{ Id = 'InvalidGeometry'; Category = 'InvalidArgument'; Case = 'a table size'; Asked = 'image.qed'; Target = 'x.qed'; Says = '*1, 2, 4, 8 or 16 clusters, not 17.*nearest*16.'
            Act = { Convert-QedImage $image "$folder/x.qed" -TableSize 17 } }
        @{ Id = 'BackingFileMissing'; Category = 'ObjectNotFound'; Case = 'a new image on nothing'; Target = 'new.qed'; Says = "*the backing file '*none.qed' does not exist. Give another -BackingPath."
            Act = { New-QedImage "$folder/new.qed" -BackingPath "$folder/none.qed" } }
        @{ Id = 'BackingFileMissing'; Category = 'ObjectNotFound'; Case = 'an image whose backing file is gone'; Target = 'orphan.qed'; Says = '*Set-QedBackingFile -MetadataOnly*'
            Act = { Set-QedBackingFile (New-FilledImage "$folder/orphan.qed") "$folder/none.qed" -MetadataOnly -Confirm:$false; Convert-QedImage "$folder/orphan.qed" "$folder/x.raw" } }
        @{ Id = 'BackingFileRefused'; Category = 'SecurityError'; Case = 'a protocol'; Target = 'new.qed'; Says = "*protocol 'nbd:'*Give another -BackingPath."
            Act = { New-QedImage "$folder/new.qed" -BackingPath nbd:localhost:1 } }
        @{ Id = 'BackingFileRefused'; Category = 'SecurityError'; Case = 'a json: description'; Target = 'image.qed'; Says = '*json:*Give another -BackingPath.'
            Act = { Set-QedBackingFile $image 'json:{}' -MetadataOnly -Confirm:$false } }
        @{ Id = 'BackingChainLoop'; Category = 'InvalidData'; Case = 'an image on itself'; Target = 'image.qed'; Says = '*leads back*'
            Act = { Set-QedBackingFile $image $image -Confirm:$false } }
        @{ Id = 'BackingChainLoop'; Category = 'InvalidData'; Case = 'two images on each other'; Asked = 'two.qed'; Target = 'one.qed'; Says = '*leads back*two.qed*'
            Act = {
                $one = New-FilledImage "$folder/one.qed"
                $two = (New-QedImage "$folder/two.qed" -BackingPath $one -Force).Path
                $null = New-QedImage "$folder/closing.qed" -BackingPath $two
                Move-Item -LiteralPath "$folder/closing.qed" $one -Force
                Convert-QedImage $two "$folder/x.raw"
            } }
    )
}

BeforeAll {
    . $PSScriptRoot/Support.ps1
}

Describe 'Errors' {
    BeforeAll {
        $folder = New-Folder
        $image = New-FilledImage "$folder/image.qed"
    }

    AfterEach {
        Get-ChildItem -LiteralPath $folder -Filter *.partial | Should -BeNullOrEmpty
        Get-OpenFile $folder | Should -BeNullOrEmpty
        foreach ($name in 'x.raw', 'x.qed', 'new.qed') { "$folder/$name" | Should -Not -Exist }
    }

    It '<Id>: <Case>' -ForEach $cases {
        $Target = $Target.Replace('/', ${/})
        $failure = Get-Failure $Act
        $failure | Should -HaveCount 1
        $failure.FullyQualifiedErrorId | Should -BeLike "$Id,Qed.PowerShell.Commands.*Command"
        $failure.CategoryInfo.Category | Should -Be $Category
        $failure.TargetObject | Should -Be "$folder${/}$(if ($Asked) { $Asked } else { $Target })"
        $failure.Exception.Path | Should -Be "$folder${/}$Target"
        $failure.Exception | Should -BeOfType Qed.DiskImageException
        $failure.Exception.Kind | Should -Be $Id
        $failure.Exception.Message | Should -BeLike "'$folder${/}$Target': *$($Says.Trim('*'))*"
        $failure.Exception.Message | Should -Not -BeLike '*.partial*'
    }

    It 'do not end the pipeline, unless they are to' {
        $paths = "$folder${/}none.qed", $image
        ($paths | Test-QedImage -ErrorAction SilentlyContinue).Path | Should -Be $image
        { $paths | Test-QedImage -ErrorAction Stop } | Should -Throw -ErrorId 'ImageNotFound,*'
    }

    It 'are caught by their type' {
        $kind = try { Test-QedImage "$folder/none.qed" -ErrorAction Stop } catch [Qed.DiskImageException] { $_.Exception.Kind }
        $kind | Should -Be 'ImageNotFound'
    }

    Context 'advise in words of the module' {
        BeforeDiscovery {
            . $PSScriptRoot/Support.ps1
            $cmdlets = (Get-Module Qed).ExportedCmdlets.Values | ForEach-Object { @{ Name = $_.Name } }
        }

        It '<Name>: naming only cmdlets and parameters that there are' -ForEach $cmdlets {
            $running = Get-Command $Name
            $words = New-RemedyTable $running.ImplementingType
            $kinds = [enum]::GetValues([Qed.RemedyKind])
            $kinds.Count | Should -BeGreaterThan 20
            # Thousands of texts: each is looked at, and what is wrong is told once.
            $commands = (Get-Module Qed).ExportedCommands
            $wrong = foreach ($kind in $kinds) {
                $text = Get-RemedyText $words ([Qed.Remedy]::new($kind, 'Do so.', 'If so'))
                if ($text -notmatch '^[-A-Z].*\.$') { "${kind} is no sentence: $text" }
                if ($text -cmatch '--[a-z]|(^|\s)-[a-z]\b|\bqed ') { "${kind} speaks as the command does: $text" }
                $named = $running
                foreach ($word in [regex]::Matches($text, "(?<cmdlet>\b[A-Z][a-z]+-Qed\w+)|(?<![\w-])-(?<parameter>[A-Z]\w+)")) {
                    if ($word.Groups['cmdlet'].Success) { $named = $commands[$word.Value] }
                    elseif ($named -and $named.Parameters.ContainsKey($word.Groups['parameter'].Value)) { continue }
                    else { $named = $null }
                    if (-not $named) { "${kind} names $($word.Value), which is not there: $text"; break }
                }
            }
            $wrong | Should -BeNullOrEmpty
        }
    }

    It 'name a file as the user did, whatever it is called' {
        $path = "$folder${/}Win10-Formatted -Format --force -SourceFormat.vhdx"
        $other = "$folder${/}Win10-Formatted -Format --force -SourceFormat.qed"
        $null = New-RawFile $other 64KB
        $failures = Get-Failure {
            Get-QedImageInfo -LiteralPath $path
            Get-QedImageMap -LiteralPath $path
            Measure-QedImage -LiteralPath $path
            Convert-QedImage -LiteralPath $path -DestinationPath "$folder/x.raw"
            Compare-QedImage -LiteralPath $path -DifferencePath $image
            Copy-QedImageContent -LiteralPath $path -AsByteArray
            New-QedImage -LiteralPath $path -BackingPath $path
        }
        $failures | Should -HaveCount 7
        $failures.Exception.Message | ForEach-Object { $_ | Should -BeLike "'$path'*" }
        $failures = Get-Failure {
            Test-QedImage -LiteralPath $other
            Repair-QedImage -LiteralPath $other -Confirm:$false
            Resize-QedImage -LiteralPath $other -SizeBytes 1MB
            Set-QedBackingFile -LiteralPath $other -None -Confirm:$false
            Convert-QedImage -LiteralPath $other -DestinationPath "$folder/x.raw"
        }
        $failures | Should -HaveCount 5
        $failures.Exception.Message | ForEach-Object { $_ | Should -BeLike "'$other'*-SourceFormat*" }
    }

    It 'name who holds an image' -Skip:(-not $IsLinux) {
        $ready = "$folder${/}ready"
        # env stands before it because Start-Process takes the program apart from its arguments.
        $child = Start-Process env -PassThru -ArgumentList @(
            Get-PowerShellCommand; '-NoProfile', '-NonInteractive', '-Command',
            "Import-Module '$(Get-QedManifest)'; `$h = [Qed.Operations.OpenImage]::ForWriting('$image'); `$null = New-Item '$ready'; Start-Sleep 60")
        try {
            Wait-Until { Test-Path -LiteralPath $ready }
            (Get-Failure { Resize-QedImage $image 1GB }).Exception.Message | Should -Match "in use by .*\b$($child.Id)\b"
            (Get-QedImageInfo $image).InUse | Should -BeTrue
        }
        finally {
            $child.Kill()
            $child.WaitForExit()
        }
    }

    Context 'of the file system' {
        BeforeAll {
            $mount = (New-Item -ItemType Directory "$folder/mount").FullName
            $isMounted = $false
            if ($IsLinux -and (& id -u) -eq 0) {
                & mount -t tmpfs -o size=512k qed-tests $mount 2>$null
                $isMounted = $LASTEXITCODE -eq 0
            }
        }

        AfterAll {
            if ($isMounted) { & umount $mount }
        }

        BeforeEach {
            if (-not $isMounted) { Set-ItResult -Skipped -Because 'a small file system can be mounted only by root on Linux' }
        }

        It 'NotEnoughSpace: a target that does not fit' {
            $raw = New-RawFile "$folder/large.raw" 2MB
            foreach ($target in "$mount/x.raw", "$mount/x.qed") {
                $failure = Get-Failure { Convert-QedImage $raw $target }
                $failure.FullyQualifiedErrorId | Should -BeLike 'NotEnoughSpace,*'
                $failure.CategoryInfo.Category | Should -Be 'ResourceUnavailable'
                $failure.TargetObject | Should -Be $raw
                $failure.Exception.Path | Should -Be $target
                Get-ChildItem -LiteralPath $mount | Should -BeNullOrEmpty
            }
        }

        It 'NotEnoughSpace: an image that cannot take in what it rested on, and stays as it was' {
            $base = New-FilledImage "$folder/large.qed" 2MB
            $top = (New-QedImage "$mount/top.qed" -BackingPath $base).Path
            $failure = Get-Failure { Set-QedBackingFile $top -None -Confirm:$false }
            $failure.FullyQualifiedErrorId | Should -BeLike 'NotEnoughSpace,*'
            $failure.TargetObject | Should -Be $top
            (Get-QedImageInfo $top).BackingFullPath | Should -Be $base
            Get-ContentHash $top $folder | Should -Be (Get-ContentHash $base)
        }

        It 'AccessDenied: a file system that is read-only' {
            $there = (New-QedImage "$mount/there.qed" 1MB -ErrorAction Stop).Path
            & mount -o remount,ro $mount
            try {
                $failures = Get-Failure {
                    New-QedImage "$mount/new.qed" 1MB
                    Resize-QedImage $there 2MB
                    Convert-QedImage $image "$mount/x.raw"
                }
                Test-QedImage $there -Quiet -ErrorAction Stop | Should -BeTrue
            }
            finally {
                & mount -o remount,rw $mount
            }
            $failures | Should -HaveCount 3
            $failures.FullyQualifiedErrorId | ForEach-Object { $_ | Should -BeLike 'AccessDenied,*' }
            $failures.CategoryInfo.Category | Sort-Object -Unique | Should -Be 'PermissionDenied'
            $failures.TargetObject | Should -Be "$mount${/}new.qed", $there, $image
            $failures.Exception.Message | ForEach-Object { $_ | Should -BeLike '*read-only*' }
        }
    }

    It 'AccessDenied: a file that may not be written' {
        if (Test-Wine) { Set-ItResult -Skipped -Because 'no mark that a file is read-only stops anybody under Wine' }
        $locked = New-FilledImage "$folder/locked.qed"
        if ($IsLinux -and (& id -u) -eq 0) {
            & chattr +i $locked 2>$null
            if ($LASTEXITCODE -ne 0) { Set-ItResult -Skipped -Because 'this file system has no immutable files, and nothing else stops root' }
        }
        else {
            Set-ItemProperty -LiteralPath $locked -Name IsReadOnly -Value $true
        }
        try {
            $failures = Get-Failure {
                Resize-QedImage $locked 2MB
                New-QedImage $locked 1MB -Force
            }
        }
        finally {
            if ($IsLinux -and (& id -u) -eq 0) { & chattr -i $locked } else { Set-ItemProperty -LiteralPath $locked -Name IsReadOnly -Value $false }
        }
        $failures.FullyQualifiedErrorId | ForEach-Object { $_ | Should -BeLike 'AccessDenied,*' }
        $failures.CategoryInfo.Category | Should -Be 'PermissionDenied', 'PermissionDenied'
        $failures.TargetObject | Should -Be $locked, $locked
        $failures[0].Exception.Message | Should -BeLike '*permissions*read-only*'
    }

    It 'all have an id of their own kind and a fitting category' {
        $records = [Qed.PowerShell.Commands.TestQedImageCommand].Assembly.GetType('Qed.PowerShell.Pipeline.ErrorRecords')
        $words = New-RemedyTable ([Qed.PowerShell.Commands.TestQedImageCommand])
        $from = $records.GetMethod('From', [Reflection.BindingFlags]'Static, NonPublic', $null, @([Exception], [object], $words.GetType()), $null)
        foreach ($kind in [enum]::GetValues([Qed.ErrorKind])) {
            $record = $from.Invoke($null, @([Qed.DiskImageException]::new($kind, 'a rule', [NullString]::Value, $null), 'target', $words))
            $record.FullyQualifiedErrorId | Should -Be "$kind"
            $record.CategoryInfo.Category | Should -Not -Be 'NotSpecified' -Because $kind
            $record.TargetObject | Should -Be 'target'
        }
        $cancelled = $from.Invoke($null, @([OperationCanceledException]::new(), 'target', $words))
        $cancelled.FullyQualifiedErrorId | Should -Be 'OperationCanceled'
        $cancelled.CategoryInfo.Category | Should -Be 'OperationStopped'
    }
}
