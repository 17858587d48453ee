BeforeDiscovery {
    $hasQemu = [bool](Get-Command qemu-img -ErrorAction Ignore)
}

BeforeAll {
    . $PSScriptRoot/Support.ps1
}

Describe 'Set-QedBackingFile' {
    BeforeAll {
        $folder = New-Folder
        $old = New-FilledImage "$folder/old.qed" 1MB
        $other = New-FilledImage "$folder/other.qed" 1MB -Seed 2
        $raw = New-RawFile "$folder/base.raw" 1MB -Seed 3
        $oldHash = Get-ContentHash $old
        $PSDefaultParameterValues['Set-QedBackingFile:Confirm'] = $false
    }

    BeforeEach {
        $image = (New-QedImage "$folder/image.qed" -BackingPath $old -Force).Path
    }

    AfterEach {
        Get-OpenFile $folder | Should -BeNullOrEmpty
    }

    AfterAll {
        $PSDefaultParameterValues.Remove('Set-QedBackingFile:Confirm')
    }

    Context 'the contents stay what they were' {
        It 'on another backing file' {
            Set-QedBackingFile $image $other
            (Get-QedImageInfo $image).BackingFullPath | Should -Be $other
            Get-ContentHash $image | Should -Be $oldHash
            Test-QedImage $image -Quiet | Should -BeTrue
        }

        It 'on a raw one' {
            Set-QedBackingFile $image $raw
            (Get-QedImageInfo $image).BackingFormat | Should -Be 'raw'
            Get-ContentHash $image | Should -Be $oldHash
        }

        It 'on a smaller and on a larger one' {
            $small = New-FilledImage "$folder/small.qed" 256KB -Seed 4
            $large = New-FilledImage "$folder/large.qed" 2MB -Seed 5
            foreach ($base in $small, $large) {
                Set-QedBackingFile $image $base
                Get-ContentHash $image | Should -Be $oldHash
            }
        }

        It 'with none at all' {
            Set-QedBackingFile $image -None
            $info = Get-QedImageInfo $image
            $info.BackingPath | Should -BeNullOrEmpty
            $info.Features | Should -BeNullOrEmpty
            Get-ContentHash $image | Should -Be $oldHash
            Rename-Item -LiteralPath $old elsewhere.qed
            try { Get-ContentHash $image | Should -Be $oldHash } finally { Rename-Item -LiteralPath "$folder${/}elsewhere.qed" old.qed }
        }

        It 'where an image that had none gets one' {
            $lone = New-FilledImage "$folder/lone.qed" 1MB -Seed 6
            $hash = Get-ContentHash $lone
            Set-QedBackingFile $lone $old
            (Get-QedImageInfo $lone).BackingFullPath | Should -Be $old
            Get-ContentHash $lone | Should -Be $hash
        }
    }

    It 'copies only what the new backing file does not have' {
        $copy = New-FilledImage "$folder/copy.qed" 1MB
        Set-QedBackingFile $image $copy
        (Test-QedImage $image).AllocatedClusters | Should -Be 0
        Set-QedBackingFile $image $other
        # All but the quarter that is zero in both.
        (Test-QedImage $image).AllocatedClusters | Should -Be 12
    }

    It 'writes the name alone with -MetadataOnly, whether or not there is such a file' {
        $before = (Get-Item -LiteralPath $image).Length
        Set-QedBackingFile $image "$folder/not yet.qed" -MetadataOnly -ErrorAction Stop
        (Get-QedImageInfo $image).BackingFullPath | Should -Be "$folder${/}not yet.qed"
        (Get-Item -LiteralPath $image).Length | Should -Be $before
        Set-QedBackingFile $image $other -MetadataOnly
        Get-ContentHash $image | Should -Be (Get-ContentHash $other)
        Set-QedBackingFile $image -None -MetadataOnly
        (Test-QedImage $image).AllocatedClusters | Should -Be 0
        (Get-QedImageInfo $image).BackingPath | Should -BeNullOrEmpty
    }

    It 'can be told by -<_>' -ForEach 'ParentPath', 'BackingFile' {
        $named = @{ $_ = $other }
        (Set-QedBackingFile $image @named -PassThru).BackingFullPath | Should -Be $other
    }

    It 'stores an absolute path as one and a relative one relative to the image' {
        (Set-QedBackingFile $image $other -PassThru).BackingPath | Should -Be $other
        $null = New-Item -ItemType Directory "$folder/work" -Force
        Push-Location -LiteralPath "$folder/work"
        try { (Set-QedBackingFile ../image.qed ../other.qed -PassThru).BackingPath | Should -Be 'other.qed' } finally { Pop-Location }
        (Get-QedImageInfo $image).BackingFullPath | Should -Be $other
    }

    It 'takes the backing file for what -BackingFormat says' {
        $info = Set-QedBackingFile $image $other -BackingFormat raw -PassThru
        $info.BackingFormat | Should -Be 'raw'
        $info.Features | Should -Contain 'BackingFormatNoProbe'
        (Set-QedBackingFile $image $other -BackingFormat QED -PassThru).Features | Should -Not -Contain 'BackingFormatNoProbe'
    }

    It 'warns of a file with the name of a raw image that is none' {
        Copy-Item -LiteralPath $other "$folder/trap.raw"
        Set-QedBackingFile $image "$folder/trap.raw" -WarningVariable warnings -WarningAction SilentlyContinue
        $warnings[0].Message | Should -BeLike "*trap.raw*recognised as qed*trap*format*"
    }

    It 'needs to know which, and only one' {
        { Set-QedBackingFile $image } | Should -Throw -ErrorId 'MissingMandatoryParameter,*'
        { Set-QedBackingFile $image $other -None } | Should -Throw -ErrorId 'AmbiguousParameterSet,*'
        { Set-QedBackingFile $image -None -BackingFormat raw } | Should -Throw -ErrorId 'AmbiguousParameterSet,*'
    }

    It 'is silent unless asked' {
        Set-QedBackingFile $image $other | Should -BeNullOrEmpty
        Set-QedBackingFile $image -None -PassThru | Should -BeOfType Qed.ImageInfo
    }

    It 'asks first, and does nothing where the answer is no' {
        $before = Get-Fingerprint $folder
        $session = Invoke-Session { Set-QedBackingFile $path $other } @{ path = $image; other = $other } -Answer 2
        $session.Host.Questions | Should -HaveCount 1
        $session.Host.Questions | Should -BeLike "*'$other'*$image*"
        Get-Fingerprint $folder | Should -Be $before
        (Invoke-Session { Set-QedBackingFile $path -None -PassThru } @{ path = $image } -Answer 0).Output.BackingPath | Should -BeNullOrEmpty
    }

    It 'changes nothing where the new backing file <Why>' -ForEach @(
        @{ Why = 'is missing'; Name = 'none.qed'; Id = 'BackingFileMissing' }
        @{ Why = 'is the image itself'; Name = 'image.qed'; Id = 'BackingChainLoop' }
        @{ Why = 'rests on the image'; Name = 'above.qed'; Id = 'BackingChainLoop' }
        @{ Why = 'is corrupt'; Name = 'broken.qed'; Id = 'ImageCorrupt' }
    ) {
        $null = New-QedImage "$folder/above.qed" -BackingPath $image -Force
        $broken = New-FilledImage "$folder/broken.qed"
        Write-UInt64 $broken 40 12345
        $before = Get-Fingerprint $folder
        $failure = Get-Failure { Set-QedBackingFile $image "$folder/$Name" }
        $failure.FullyQualifiedErrorId | Should -BeLike "$Id,*"
        Get-Fingerprint $folder | Should -Be $before
    }

    It 'refuses a name that could never be opened, even with -MetadataOnly: <_>' -ForEach 'nbd:localhost:1', 'json:{"driver":"raw"}' {
        $before = Get-Fingerprint $folder
        $failure = Get-Failure { Set-QedBackingFile $image $_ -MetadataOnly }
        $failure.FullyQualifiedErrorId | Should -BeLike 'BackingFileRefused,*'
        $failure.CategoryInfo.Category | Should -Be 'SecurityError'
        Get-Fingerprint $folder | Should -Be $before
    }

    It 'refuses a name that is too long to store' {
        $failure = Get-Failure { Set-QedBackingFile $image "$folder/$('n' * 1023)" -MetadataOnly }
        $failure.FullyQualifiedErrorId | Should -BeLike 'BackingFileRefused,*'
        $failure.Exception.Message | Should -BeLike '*1 to 1023 bytes*'
    }

    It 'refuses an image with compatible features that it does not know' {
        Write-UInt64 $image 24 1
        (Get-Failure { Set-QedBackingFile $image $other }).FullyQualifiedErrorId | Should -BeLike 'UnsupportedFeature,*'
        (Get-QedImageInfo $image).BackingPath | Should -Be $old
    }

    It 'gives many images a new backing file at a time, the bad one excepted' {
        $clones = 1..6 | ForEach-Object { (New-QedImage "$folder/clone$_.qed" -BackingPath $old -Force).Path }
        $done = @($clones) + "$folder/none.qed" | Set-QedBackingFile -BackingPath $other -ThrottleLimit 3 -PassThru -ErrorAction SilentlyContinue -ErrorVariable failures
        $done.Path | Sort-Object | Should -Be $clones
        $done.BackingFullPath | Sort-Object -Unique | Should -Be $other
        $failures.TargetObject | Should -Be "$folder${/}none.qed"
    }

    It 'changes the images of one chain in one pipeline' {
        $top = (New-QedImage "$folder/top.qed" -BackingPath $image -Force).Path
        $done = $top, $image | Set-QedBackingFile -BackingPath $other -ThrottleLimit 4 -PassThru -ErrorAction Stop
        $done.BackingFullPath | Should -Be $other, $other
        Get-ContentHash $top | Should -Be $oldHash
        Get-ContentHash $image | Should -Be $oldHash
    }

    It 'shows the log of the engine' {
        $log = Set-QedBackingFile $image $other -Verbose 4>&1
        "$log" | Should -BeLike "*Copied 786432 bytes into '$image'*Changed the backing file of '$image' from '$old' to '$other'.*"
    }

    It 'does what qemu-img rebase does' -Skip:(-not $hasQemu) {
        Set-QedBackingFile $image $other
        & qemu-img compare -q $image $old
        $LASTEXITCODE | Should -Be 0
        & qemu-img check -q $image
        $LASTEXITCODE | Should -Be 0
    }
}
