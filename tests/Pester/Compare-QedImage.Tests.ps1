BeforeDiscovery {
    $hasQemu = [bool](Get-Command qemu-img -ErrorAction Ignore)
}

BeforeAll {
    . $PSScriptRoot/Support.ps1

    function Set-Byte([string]$Path, [long]$Offset, [byte]$Value) {
        Copy-QedImageContent -LiteralPath $Path -Offset $Offset -Bytes $Value -Confirm:$false
    }
}

Describe 'Compare-QedImage' {
    BeforeAll {
        $folder = New-Folder
        $raw = New-RawFile "$folder/a.raw" 4MB
        $same = "$folder${/}same.qed"
        $other = "$folder${/}other.qed"
        $same, $other | ForEach-Object { Convert-QedImage $raw $_ }
        Set-Byte $other 1MB 7
        Set-Byte $other (1MB + 512) 7
        Set-Byte $other 3000000 7
    }

    It 'says that an image equals its conversion' {
        $result = Compare-QedImage $raw $same
        $result | Should -BeOfType Qed.ComparisonResult
        $result.Path | Should -Be $raw
        $result.PSPath | Should -Be "Microsoft.PowerShell.Core\FileSystem::$raw"
        $result.DifferencePath | Should -Be $same
        $result.IsEqual | Should -BeTrue
        $result.SizesDiffer | Should -BeFalse
        $result.FirstDifference | Should -BeNullOrEmpty
        $result.DifferingBytes | Should -Be 0
        $result.Ranges | Should -HaveCount 0
    }

    It 'lists every range that differs, neighbours as one' {
        $result = Compare-QedImage $raw -DifferencePath $other
        $result.IsEqual | Should -BeFalse
        $result.FirstDifference | Should -Be 1MB
        $result.DifferingBytes | Should -Be 1536
        $result.RangeCount | Should -Be 2
        $result.Ranges.Offset | Should -Be 1MB, 2999808
        $result.Ranges | ForEach-Object Length | Should -Be 1024, 512
    }

    It 'gives sizes and offsets as UInt64' {
        $result = Compare-QedImage $raw $other
        foreach ($name in 'Size', 'DifferenceSize', 'FirstDifference', 'DifferingBytes') { $result.$name | Should -BeOfType uint64 -Because $name }
        foreach ($name in 'Offset', 'Length') { $result.Ranges[0].$name | Should -BeOfType uint64 -Because $name }
    }

    It 'lists only so many ranges, and counts the others' {
        $result = Compare-QedImage $raw $other -MaximumRanges 1
        $result.Ranges.Offset | Should -Be 1MB
        $result.RangeCount | Should -Be 2
        $result.DifferingBytes | Should -Be 1536
        (Compare-QedImage $raw $other -MaximumRanges 0).FirstDifference | Should -Be 1MB
    }

    It 'takes a longer disk of zeroes for equal, unless it is to be strict' {
        $longer = "$folder${/}longer.qed"
        Convert-QedImage $raw $longer
        Resize-QedImage $longer 1GB
        $result = Compare-QedImage $raw $longer
        $result.IsEqual | Should -BeTrue
        $result.SizesDiffer | Should -BeTrue
        $result.DifferenceSize | Should -Be 1GB
        (Compare-QedImage $raw $longer -Strict).IsEqual | Should -BeFalse
        Compare-QedImage $raw $longer -Quiet | Should -BeTrue
        Compare-QedImage $raw $longer -Quiet -Strict | Should -BeFalse
        Set-Byte $longer 900MB 1
        (Compare-QedImage $longer $raw).FirstDifference | Should -Be 900MB
    }

    It 'answers with a Boolean where it is to be quiet' {
        $same, $other | Compare-QedImage -DifferencePath $raw -Quiet -ThrottleLimit 1 | Should -Be $true, $false
    }

    It 'compares through the backing chain' {
        $top = (New-QedImage "$folder/top.qed" -BackingPath $raw -BackingFormat raw).Path
        Compare-QedImage $top $raw -Quiet | Should -BeTrue
        Set-Byte $top 0 ([IO.File]::ReadAllBytes($raw)[0] -bxor 1)
        (Compare-QedImage $top $raw).Ranges[0].Length | Should -Be 512
    }

    It 'takes the format of either side from the user' {
        (Compare-QedImage $same $same -SourceFormat raw -DifferenceFormat raw).Size | Should -Be (Get-Item $same).Length
        (Compare-QedImage $same $same -DifferenceFormat raw).IsEqual | Should -BeFalse
    }

    It 'takes the list that a conversion was made from' {
        $rows = [pscustomobject]@{ Path = $raw; DestinationPath = "$folder/listed.qed" }
        $rows | Convert-QedImage
        $rows | Compare-QedImage -Quiet | Should -BeTrue
        [pscustomobject]@{ Path = $raw; DifferencePath = $other } | Compare-QedImage -Quiet | Should -BeFalse
    }

    It 'says that a pattern in -DifferencePath is none' {
        $failure = Get-Failure { Compare-QedImage $same "$folder/*.qed" }
        $failure.FullyQualifiedErrorId | Should -BeLike 'ImageNotFound,*'
        $failure.Exception.Message | Should -BeLike "*: no such file. -DifferencePath names one file*"
    }

    It 'takes both paths relative to the location, and -DifferencePath literally' {
        Push-Location -LiteralPath $folder
        try {
            Copy-Item -LiteralPath $same 'b[1].qed'
            Compare-QedImage a.raw 'b[1].qed' -Quiet | Should -BeTrue
        }
        finally { Pop-Location }
    }

    It 'reports each missing image alone, by its own name' {
        $found = $raw, "$folder/none.raw", $other | Compare-QedImage -DifferencePath $same -Quiet -ThrottleLimit 1 -ErrorAction SilentlyContinue -ErrorVariable failure
        $found | Should -Be $true, $false
        $failure[0].FullyQualifiedErrorId | Should -Be 'ImageNotFound,Qed.PowerShell.Commands.CompareQedImageCommand'
        $failure[0].TargetObject | Should -Be "$folder${/}none.raw"
        Compare-QedImage $raw "$folder/gone.qed" -ErrorAction SilentlyContinue -ErrorVariable failure | Should -BeNullOrEmpty
        $failure[0].TargetObject | Should -Be $raw
        $failure[0].Exception.Path | Should -Be "$folder${/}gone.qed"
    }

    It 'changes nothing' {
        $before = Get-Fingerprint $folder
        $null = Get-ChildItem -LiteralPath $folder -Filter *.qed | Compare-QedImage -DifferencePath $raw
        Get-Fingerprint $folder | Should -Be $before
    }

    It 'releases every file when the pipeline stops early' {
        $slow = 1..4 | ForEach-Object { New-EndlessImage "$folder/slow$_.qed" 16GB }
        $raw, $slow | ForEach-Object { $_ } | Compare-QedImage -DifferencePath $raw -ThrottleLimit 1 | Select-Object -First 1 | Should -Not -BeNullOrEmpty
        Get-OpenFile $folder | Should -BeNullOrEmpty
    }

    It 'is shown as a table and as a list with sizes in units' {
        Compare-QedImage $raw $other | Out-String -Width 120 | Should -Match 'different\s+0x100000\s+1\.5 KiB\s+2 a\.raw <> '
        $text = Compare-QedImage $raw $other | Format-List | Out-String -Width 120
        $text | Should -Match 'DifferingBytes\s+: 1\.5 KiB'
        $text | Should -Not -Match 'DifferenceSize'
    }

    It 'says what qemu-img says' -Skip:(-not $hasQemu) {
        & qemu-img compare -f raw -F qed $raw $same | Should -Be 'Images are identical.'
        & qemu-img compare -f raw -F qed $raw $other | Should -Be 'Content mismatch at offset 1048576!'
    }
}
