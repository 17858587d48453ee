BeforeAll {
    . $PSScriptRoot/Support.ps1
}

Describe 'Resize-QedImage' {
    BeforeAll {
        $folder = New-Folder
    }

    BeforeEach {
        # The last of its 1 MiB is data, the second quarter is zero.
        $image = New-FilledImage "$folder/disk.qed" 1MB
    }

    AfterEach {
        Get-OpenFile $folder | Should -BeNullOrEmpty
    }

    Context 'growing' {
        It 'keeps the contents and adds zeroes' {
            Convert-QedImage $image "$folder/expected.raw" -Force
            Resize-QedImage $image 3MB | Should -BeNullOrEmpty
            (Get-QedImageInfo $image).Size | Should -Be 3MB
            Test-QedImage $image -Quiet | Should -BeTrue
            Set-FileLength "$folder/expected.raw" 3MB
            Get-ContentHash $image | Should -Be (Get-FileHash -LiteralPath "$folder/expected.raw").Hash
        }

        It 'takes no space' {
            $before = (Get-Item -LiteralPath $image).Length
            Resize-QedImage $image 10TB
            (Get-Item -LiteralPath $image).Length | Should -Be $before
        }

        It 'asks nothing' {
            $session = Invoke-Session { Resize-QedImage $path 2MB } @{ path = $image }
            $session.Host.Questions | Should -BeNullOrEmpty
            (Get-QedImageInfo $image).Size | Should -Be 2MB
        }

        It 'does not let a longer backing file show through' {
            $base = New-FilledImage "$folder/base.qed" 2MB
            $top = (New-QedImage "$folder/top.qed" 1MB -BackingPath $base -Force).Path
            Resize-QedImage $top 2MB
            Test-Zero $base 1MB 1MB | Should -BeFalse
            Test-Zero $top 1MB 1MB | Should -BeTrue
        }

        It 'goes as far as the tables reach and no further, and says how far that is' {
            $small = (New-QedImage "$folder/small.qed" 1MB -ClusterSizeBytes 4KB -TableSize 2 -Force -WarningAction Ignore).Path
            $maximum = (Get-QedImageInfo $small).MaximumSize
            $failure = Get-Failure { Resize-QedImage $small ($maximum + 512) }
            $failure.FullyQualifiedErrorId | Should -BeLike 'InvalidSize,*'
            $failure.CategoryInfo.Category | Should -Be 'InvalidArgument'
            $failure.TargetObject | Should -Be $small
            $failure.Exception.Message | Should -BeLike "*cannot grow beyond $maximum bytes*-ClusterSizeBytes*-TableSize*"
            (Resize-QedImage $small $maximum -PassThru).Size | Should -Be $maximum
        }
    }

    Context 'shrinking' {
        It 'is refused without -AllowShrink' {
            $before = Get-Fingerprint $folder
            $failure = Get-Failure { Resize-QedImage $image 512KB }
            $failure.FullyQualifiedErrorId | Should -BeLike 'InvalidSize,*'
            $failure.Exception.Message | Should -BeLike '*from 1048576 to 524288 bytes*-AllowShrink*'
            Get-Fingerprint $folder | Should -Be $before
        }

        It 'never leaves a disk of no size' {
            $before = Get-Fingerprint $folder
            $failure = Get-Failure { Resize-QedImage $image 0 -AllowShrink -Confirm:$false }
            $failure.FullyQualifiedErrorId | Should -BeLike 'InvalidSize,*'
            $failure.Exception.Message | Should -BeLike '*0 bytes*512*'
            Get-Fingerprint $folder | Should -Be $before
        }

        It 'drops what lies beyond, and gives the space back' {
            $before = (Get-Item -LiteralPath $image).Length
            Convert-QedImage $image "$folder/part.raw" -Force
            $info = Resize-QedImage $image 640KB -AllowShrink -Confirm:$false -PassThru
            $info.Size | Should -Be 640KB
            $info.FileSize | Should -BeLessThan $before
            Test-QedImage $image -Quiet | Should -BeTrue
            Set-FileLength "$folder/part.raw" 640KB
            Get-ContentHash $image | Should -Be (Get-FileHash -LiteralPath "$folder/part.raw").Hash
        }

        It 'does not bring back what it dropped when the disk grows again' {
            Resize-QedImage $image 1000KB -AllowShrink -Confirm:$false
            Resize-QedImage $image 1MB
            Test-Zero $image 1000KB 24KB | Should -BeTrue
            Test-Zero $image 999KB 1KB | Should -BeFalse
        }

        It 'is asked about, and not done where the answer is no' {
            $before = Get-Fingerprint $folder
            $session = Invoke-Session { Resize-QedImage $path 512KB -AllowShrink } @{ path = $image } -Answer 2
            $session.Host.Questions | Should -HaveCount 1
            $session.Host.Questions | Should -BeLike "*$image*512 KiB*lost*"
            $session.Errors | Should -BeNullOrEmpty
            Get-Fingerprint $folder | Should -Be $before
        }

        It 'is done where the answer is yes' {
            $session = Invoke-Session { Resize-QedImage $path 512KB -AllowShrink -PassThru } @{ path = $image } -Answer 0
            $session.Output.Size | Should -Be 512KB
        }

        It 'is asked about once with -Confirm' {
            $session = Invoke-Session { Resize-QedImage $path 512KB -AllowShrink -Confirm } @{ path = $image } -Answer 0
            $session.Host.Questions | Should -HaveCount 1
            (Get-QedImageInfo $image).Size | Should -Be 512KB
        }

        It 'is asked about once for all where the answer is yes to all' {
            $paths = 1..3 | ForEach-Object { New-FilledImage "$folder/all$_.qed" 1MB }
            $session = Invoke-Session { $paths | Resize-QedImage -SizeBytes 512KB -AllowShrink } @{ paths = $paths } -Answer 1
            $session.Host.Questions | Should -HaveCount 1
            ($paths | Get-QedImageInfo).Size | Should -Be 512KB, 512KB, 512KB
        }

        It 'is not asked about where the user prefers not to be' {
            $session = Invoke-Session { $ConfirmPreference = 'None'; Resize-QedImage $path 512KB -AllowShrink } @{ path = $image } -Answer 2
            $session.Host.Questions | Should -BeNullOrEmpty
            (Get-QedImageInfo $image).Size | Should -Be 512KB
        }

        It 'is refused while the tables are corrupt' {
            Set-Corruption $image
            $before = Get-Fingerprint $folder
            $failure = Get-Failure { Resize-QedImage $image 512KB -AllowShrink -Confirm:$false }
            $failure.FullyQualifiedErrorId | Should -BeLike 'ImageCorrupt,*'
            Get-Fingerprint $folder | Should -Be $before
        }
    }

    Context '-ToMinimumSize' {
        It 'cuts off the zeroes at the end, needs no -AllowShrink and loses nothing' {
            $hash = Get-ContentHash $image
            Resize-QedImage $image 5GB
            $info = Resize-QedImage $image -ToMinimumSize -Confirm:$false -PassThru
            $info.Size | Should -Be 1MB
            Get-ContentHash $image | Should -Be $hash
        }

        It 'cuts off zeroes that are stored as data' {
            $bytes = [byte[]]::new(200KB)
            $bytes[1000] = 1
            [IO.File]::WriteAllBytes("$folder/tail.raw", $bytes)
            Convert-QedImage "$folder/tail.raw" "$folder/tail.qed" -Force
            (Resize-QedImage "$folder/tail.qed" -ToMinimumSize -Confirm:$false -PassThru).Size | Should -Be 1024
        }

        It 'leaves a sector of an empty disk' {
            $empty = (New-QedImage "$folder/empty.qed" 1GB -Force).Path
            (Resize-QedImage $empty -ToMinimumSize -Confirm:$false -PassThru).Size | Should -Be 512
        }

        It 'is asked about' {
            $session = Invoke-Session { Resize-QedImage $path -ToMinimumSize } @{ path = $image } -Answer 2
            $session.Host.Questions | Should -HaveCount 1
        }

        It 'excludes a size' {
            { Resize-QedImage $image 1GB -ToMinimumSize } | Should -Throw -ErrorId 'AmbiguousParameterSet,*'
        }
    }

    It 'needs a size' {
        { Resize-QedImage $image } | Should -Throw -ErrorId 'MissingMandatoryParameter,*'
    }

    It 'names the nearest size that works: <Nearest> for <Asked>' -ForEach @(
        @{ Asked = 2000000; Nearest = 2000384 }
        @{ Asked = 70368744177663; Nearest = 70368744177664 }
    ) {
        $failure = Get-Failure { Resize-QedImage $image $Asked }
        $failure.FullyQualifiedErrorId | Should -BeLike 'InvalidSize,*'
        $failure.Exception.Message | Should -BeLike "*multiple of 512, not $Asked.*nearest size that works is $Nearest.*"
    }

    It 'names the largest size, not a multiple, for what is too large anyway: <_>' -ForEach 70368744177665, ([long]::MaxValue) {
        $failure = Get-Failure { Resize-QedImage $image $_ }
        $failure.FullyQualifiedErrorId | Should -BeLike 'InvalidSize,*'
        $failure.Exception.Message | Should -BeLike '*cannot grow beyond 70368744177664 bytes*'
    }

    It 'says what it did only with -PassThru' {
        Resize-QedImage $image 2MB | Should -BeNullOrEmpty
        $info = Resize-QedImage $image 3MB -PassThru
        $info | Should -BeOfType Qed.ImageInfo
        $info.Size | Should -BeOfType uint64
    }

    It 'takes names and sizes from a table' {
        $other = New-FilledImage "$folder/other.qed" 1MB
        "Path,SizeBytes", "$image,2097152", "$other,3145728" | Set-Content -LiteralPath "$folder/plan.csv"
        Import-Csv -LiteralPath "$folder/plan.csv" | Resize-QedImage
        ($image, $other | Get-QedImageInfo -ThrottleLimit 1).Size | Should -Be 2MB, 3MB
    }

    It 'resizes the others where one cannot be' {
        $raw = New-RawFile "$folder/plain.raw"
        $info = $raw, $image, "$folder/none.qed" | Resize-QedImage -SizeBytes 2MB -PassThru -ErrorAction SilentlyContinue -ErrorVariable failures
        $info.Path | Should -Be $image
        ($failures.FullyQualifiedErrorId -replace ',.*' | Sort-Object) | Should -Be 'ImageNotFound', 'UnsupportedFeature'
    }

    It 'resizes an image and what it rests on in one pipeline' {
        $top = (New-QedImage "$folder/ontop.qed" -BackingPath $image -Force).Path
        ($top, $image, $top, $image | Resize-QedImage -SizeBytes 2MB -ThrottleLimit 4 -PassThru -ErrorAction Stop).Size | Should -Be 2MB, 2MB, 2MB, 2MB
    }

    It 'checks an image first that was not closed cleanly' {
        Write-UInt64 $image 16 2
        Resize-QedImage $image 2MB -WarningVariable warnings -WarningAction SilentlyContinue -ErrorAction Stop
        $warnings[0].Message | Should -BeLike "*not closed cleanly*"
        (Get-QedImageInfo $image).NeedsCheck | Should -BeFalse
    }

    It 'shows the log of the engine' {
        $log = Resize-QedImage $image 2MB -Verbose 4>&1
        "$log" | Should -BeLike "*Resized '$image' from 1048576 to 2097152 bytes.*"
    }
}
