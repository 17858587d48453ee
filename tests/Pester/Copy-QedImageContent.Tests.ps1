BeforeAll {
    . $PSScriptRoot/Support.ps1
}

Describe 'Copy-QedImageContent' {
    BeforeAll {
        $folder = New-Folder
        $raw = New-RawFile "$folder/a.raw" 4MB
        $bytes = [IO.File]::ReadAllBytes($raw)
        $image = "$folder${/}a.qed"
        Convert-QedImage $raw $image
        $out = New-Folder
    }

    Context 'reading' {
        It 'emits one array of bytes' {
            $read = Copy-QedImageContent $image 1000 500 -AsByteArray
            , $read | Should -BeOfType byte[]
            $read | Should -Be $bytes[1000..1499]
            (Copy-QedImageContent $image -AsByteArray).Length | Should -Be 4MB
            (Copy-QedImageContent $image -Offset (4MB - 3) -AsByteArray) | Should -Be $bytes[-3..-1]
        }

        It 'fills a file, silently' {
            Copy-QedImageContent $image -Offset 512 -Length 3MB -DestinationFile "$out/part.bin" -Verify | Should -BeNullOrEmpty
            $part = [IO.File]::ReadAllBytes("$out/part.bin")
            [Linq.Enumerable]::SequenceEqual($part, [byte[]]$bytes[512..(3MB + 511)]) | Should -BeTrue
        }

        It 'emits the file where that is asked for' {
            $file = Copy-QedImageContent $image -Length 10 -DestinationFile "$out/emitted.bin" -PassThru
            $file | Should -BeOfType IO.FileInfo
            $file.FullName | Should -Be "$out${/}emitted.bin"
            $file.Length | Should -Be 10
        }

        It 'goes on with a stream where it stands, and leaves it open' {
            $stream = [IO.MemoryStream]::new()
            $stream.WriteByte(1)
            Copy-QedImageContent $image 100 5 -DestinationStream $stream
            $stream.ToArray() | Should -Be (@(1) + $bytes[100..104])
            $stream.CanWrite | Should -BeTrue
        }

        It 'reads images of any format, through their chain' {
            $top = (New-QedImage "$folder/top.qed" -BackingPath $raw -BackingFormat raw).Path
            Copy-QedImageContent $top 2MB -Bytes 1, 2, 3 -Confirm:$false
            (Copy-QedImageContent $top (2MB - 1) 5 -AsByteArray) | Should -Be ($bytes[2MB - 1], 1, 2, 3, $bytes[2MB + 3])
            (Copy-QedImageContent $raw 7 2 -AsByteArray) | Should -Be $bytes[7..8]
            (Copy-QedImageContent $image 0 4 -AsByteArray -SourceFormat raw) | Should -Be 0x51, 0x45, 0x44, 0
        }

        It 'does not ask, although writing does' {
            $session = Invoke-Session { Copy-QedImageContent $image -Length 1 -DestinationFile "$out/unasked.bin" } @{ image = $image; out = $out }
            $session.Failure | Should -BeNullOrEmpty
            $session.Errors | Should -BeNullOrEmpty
            (Get-Item "$out/unasked.bin").Length | Should -Be 1
        }

        It 'creates nothing under -WhatIf, however that is set' {
            Copy-QedImageContent $image -DestinationFile "$out/whatif.bin" -WhatIf
            $WhatIfPreference = $true
            Copy-QedImageContent $image -DestinationFile "$out/whatif.bin"
            Test-Path "$out/whatif.bin" | Should -BeFalse
        }

        It 'replaces a file only with -Force' {
            Set-Content "$out/there.bin" 'mine'
            Copy-QedImageContent $image -Length 3 -DestinationFile "$out/there.bin" -ErrorAction SilentlyContinue -ErrorVariable failure
            $failure[0].FullyQualifiedErrorId | Should -Be 'ImageExists,Qed.PowerShell.Commands.CopyQedImageContentCommand'
            Get-Content "$out/there.bin" | Should -Be 'mine'
            Copy-QedImageContent $image -Length 3 -DestinationFile "$out/there.bin" -Force
            [IO.File]::ReadAllBytes("$out/there.bin") | Should -Be $bytes[0..2]
        }

        It 'lets no image replace the file of another one' {
            $image, $raw | Copy-QedImageContent -Length 3 -DestinationFile "$out/one.bin" -Force -ErrorAction SilentlyContinue -ErrorVariable failure
            $failure | Should -HaveCount 1
            $failure[0].FullyQualifiedErrorId | Should -BeLike 'ImageExists,*'
            $image, $raw | Copy-QedImageContent -Length 3 -DestinationStream ([IO.MemoryStream]::new()) -ErrorAction SilentlyContinue -ErrorVariable failure
            $failure[0].FullyQualifiedErrorId | Should -BeLike 'UnsupportedFeature,*'
            $failure[0].TargetObject | Should -Be $raw
        }

        It 'names the size of the disk where the range is beyond it' {
            Copy-QedImageContent $image 4MB 1 -AsByteArray -ErrorAction SilentlyContinue -ErrorVariable failure | Should -BeNullOrEmpty
            $failure[0].FullyQualifiedErrorId | Should -BeLike 'InvalidSize,*'
            $failure[0].CategoryInfo.Category | Should -Be 'InvalidArgument'
            $failure[0].TargetObject | Should -Be $image
            $failure[0].Exception.Message | Should -BeLike '*4194304*'
        }

        It 'gives several images at a time, each whole' {
            $found = 1..8 | ForEach-Object { $image } | Copy-QedImageContent -Length 1000 -AsByteArray -ThrottleLimit 4
            $found | Should -HaveCount 8
            foreach ($one in $found) { $one | Should -Be $bytes[0..999] }
        }

        It 'leaves no half-written file and no open one when the pipeline is stopped' {
            $slow = New-EndlessImage "$folder/slow.qed" 64GB
            $session = Start-Session { Copy-QedImageContent $slow -DestinationFile "$out/slow.bin" } @{ slow = $slow; out = $out }
            Wait-Until { Get-OpenFile $out }
            $session.Shell.Stop()
            $null = Complete-Session $session
            Get-ChildItem $out -Filter 'slow.bin*' | Should -BeNullOrEmpty
            Get-OpenFile $folder | Should -BeNullOrEmpty
        }
    }

    Context 'writing' {
        BeforeEach {
            $target = (New-QedImage "$folder/target.qed" 1GB -Force).Path
        }

        It 'writes bytes, a file and a stream, silently' {
            Copy-QedImageContent $target 512MB -Bytes 1, 2, 3 -Confirm:$false -Verify | Should -BeNullOrEmpty
            (Copy-QedImageContent $target 512MB 3 -AsByteArray) | Should -Be 1, 2, 3
            Copy-QedImageContent $target 10 -SourceFile $raw -Verify -Confirm:$false | Should -BeNullOrEmpty
            Copy-QedImageContent $target 10 4MB -DestinationFile "$out/back.bin" -Force
            (Get-FileHash "$out/back.bin").Hash | Should -Be (Get-FileHash $raw).Hash
            $stream = [IO.MemoryStream]::new($bytes)
            $stream.Position = 1000
            Copy-QedImageContent $target 600MB 5 -SourceStream $stream -Confirm:$false
            $stream.Position | Should -Be 1005
            (Copy-QedImageContent $target 600MB 6 -AsByteArray) | Should -Be ($bytes[1000..1004] + 0)
            Test-QedImage $target -Quiet | Should -BeTrue
        }

        It 'takes no space for zeroes' {
            Copy-QedImageContent $target -Bytes ([byte[]]::new(8MB)) -Confirm:$false
            (Test-QedImage $target).AllocatedClusters | Should -Be 0
        }

        It 'writes the same bytes into several images' {
            $many = 1..5 | ForEach-Object { (New-QedImage "$folder/many$_.qed" 1MB).Path }
            ($many | Copy-QedImageContent -Offset 5 -Bytes 7, 8 -Confirm:$false -PassThru).Path | Sort-Object | Should -Be $many
            foreach ($one in $many) { (Copy-QedImageContent $one 5 2 -AsByteArray) | Should -Be 7, 8 }
        }

        It 'emits the description of the image where that is asked for' {
            Copy-QedImageContent $target -Bytes 1 -Confirm:$false -PassThru | Should -BeOfType Qed.ImageInfo
        }

        It 'changes nothing under -WhatIf' {
            $before = Get-Fingerprint $folder
            Copy-QedImageContent $target -Bytes 1 -WhatIf
            Copy-QedImageContent $target -SourceFile $raw -WhatIf
            Get-Fingerprint $folder | Should -Be $before
        }

        It 'is of high impact' {
            [Management.Automation.CommandMetadata]::new((Get-Command Copy-QedImageContent)).ConfirmImpact | Should -Be 'High'
        }

        It 'refuses what does not fit, naming the size of the disk, and writes none of it' {
            $before = Get-Fingerprint $folder
            Copy-QedImageContent $target (1GB - 1) -Bytes 1, 2 -Confirm:$false -ErrorAction SilentlyContinue -ErrorVariable failure
            $failure[0].FullyQualifiedErrorId | Should -BeLike 'InvalidSize,*'
            $failure[0].Exception.Message | Should -BeLike '*1073741824*'
            Get-Fingerprint $folder | Should -Be $before
        }

        It 'refuses images of other formats by name' {
            Copy-QedImageContent $raw -Bytes 1 -Confirm:$false -ErrorAction SilentlyContinue -ErrorVariable failure
            $failure[0].FullyQualifiedErrorId | Should -BeLike 'UnsupportedFeature,*'
            $failure[0].Exception.Message | Should -BeLike '*only QED images*'
            [Linq.Enumerable]::SequenceEqual([IO.File]::ReadAllBytes($raw), $bytes) | Should -BeTrue
        }
    }

    Context 'parameters that contradict each other' {
        It 'needs to know where to' {
            { Copy-QedImageContent $image } | Should -Throw -ErrorId 'MissingMandatoryParameter,*'
        }

        It 'takes one place' {
            { Copy-QedImageContent $image -AsByteArray -Bytes 1 } | Should -Throw -ErrorId 'AmbiguousParameterSet,*'
            { Copy-QedImageContent $image -AsByteArray -DestinationFile x } | Should -Throw -ErrorId 'AmbiguousParameterSet,*'
            { Copy-QedImageContent $image -SourceFile $raw -Bytes 1 } | Should -Throw -ErrorId 'AmbiguousParameterSet,*'
        }

        It 'takes -Force, -Verify and -SourceFormat only where they mean something' {
            { Copy-QedImageContent $image -AsByteArray -Force } | Should -Throw -ErrorId 'AmbiguousParameterSet,*'
            { Copy-QedImageContent $image -AsByteArray -Verify } | Should -Throw -ErrorId 'AmbiguousParameterSet,*'
            { Copy-QedImageContent $image -Bytes 1 -SourceFormat raw } | Should -Throw -ErrorId 'AmbiguousParameterSet,*'
        }

        It 'refuses a stream that goes the other way' {
            $readOnly = [IO.MemoryStream]::new($bytes, $false)
            { Copy-QedImageContent $image -DestinationStream $readOnly } | Should -Throw -ErrorId 'ParameterArgumentValidationError,*'
        }
    }
}
