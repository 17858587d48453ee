BeforeAll {
    . $PSScriptRoot/Support.ps1
}

Describe 'Measure-QedImage' {
    BeforeAll {
        $folder = New-Folder
        $image = New-FilledImage "$folder/a.qed" 8MB
        $formats = 'qed', 'qcow2', 'vhdx', 'vhd', 'vmdk', 'vdi', 'raw'

        function Get-ConvertedLength([string]$Format, [hashtable]$Option = @{}) {
            $out = New-Folder
            Convert-QedImage $image $out -Format $Format @Option
            (Get-ChildItem -LiteralPath $out | Measure-Object Length -Sum).Sum
        }
    }

    It 'gives one result for each format' {
        $found = Measure-QedImage $image
        $found | Should -BeOfType Qed.ImageMeasure
        $found.Format | Should -Be $formats
        $found.Path | Sort-Object -Unique | Should -Be $image
        $found[0].PSPath | Should -Be "Microsoft.PowerShell.Core\FileSystem::$image"
        $found.Size | Sort-Object -Unique | Should -Be 8MB
        $found.Where({ $_.FullyAllocatedSize -lt $_.FileSize }) | Should -BeNullOrEmpty
    }

    It 'says what a conversion then takes: <_>' -ForEach 'qed', 'qcow2', 'vhdx', 'vhd', 'vmdk', 'vdi', 'raw' {
        (Measure-QedImage $image $_).FileSize | Should -Be (Get-ConvertedLength $_)
    }

    It 'measures the variant and the cluster size that are asked for' {
        (Measure-QedImage $image vhd -Subformat Fixed).FileSize | Should -Be (Get-ConvertedLength vhd @{ Subformat = 'Fixed' })
        (Measure-QedImage $image vmdk -Subformat Fixed).FileSize | Should -Be (Get-ConvertedLength vmdk @{ Subformat = 'Fixed' })
        (Measure-QedImage $image qed -ClusterSizeBytes 1MB -TableSize 1).FileSize | Should -Be (Get-ConvertedLength qed @{ ClusterSizeBytes = 1MB; TableSize = 1 })
        (Measure-QedImage $image qcow2 -BlockSizeBytes 2MB).FileSize | Should -Be (Get-ConvertedLength qcow2 @{ ClusterSizeBytes = 2MB })
    }

    It 'is an upper bound for compressed targets, and exact where the data is read' {
        $actual = Get-ConvertedLength vmdk @{ Compress = $true }
        $bound = Measure-QedImage $image vmdk -Compress
        $bound.FileSize | Should -BeGreaterOrEqual $actual
        $bound.IsExact | Should -BeFalse
        $exact = Measure-QedImage $image vmdk -Compress -Exact
        $exact.FileSize | Should -Be $actual
        $exact.IsExact | Should -BeTrue
    }

    It 'leaves out what does not have what is asked for, unless it is named' {
        (Measure-QedImage $image -Subformat StreamOptimized).Format | Should -Be 'vmdk'
        $found = Measure-QedImage $image raw, qcow2, floppy, vhd -Subformat Fixed -ErrorAction SilentlyContinue -ErrorVariable failure
        $found.Format | Should -Be 'vhd'
        $failure.FullyQualifiedErrorId | Sort-Object -Unique | Should -Be 'UnsupportedFeature,Qed.PowerShell.Commands.MeasureQedImageCommand'
        $failure | Should -HaveCount 3
    }

    It 'names the nearest cluster size that works' {
        Measure-QedImage $image qed -ClusterSizeBytes 5000 -ErrorAction SilentlyContinue -ErrorVariable failure | Should -BeNullOrEmpty
        $failure[0].FullyQualifiedErrorId | Should -BeLike 'InvalidGeometry,*'
        $failure[0].TargetObject | Should -Be $image
    }

    It 'gives sizes as UInt64' {
        $measure = Measure-QedImage $image qed
        foreach ($name in 'Size', 'FileSize', 'FullyAllocatedSize') { $measure.$name | Should -BeOfType uint64 -Because $name }
    }

    It 'keeps the results of each image together, however many are worked on at a time' {
        $names = 1..6 | ForEach-Object { (New-QedImage "$folder/n$_.qed" 1GB).Path }
        $found = $names | Measure-QedImage -ThrottleLimit 4
        $found | Should -HaveCount 42
        for ($i = 0; $i -lt 42; $i += 7) { $found[$i..($i + 6)].Path | Sort-Object -Unique | Should -HaveCount 1 }
    }

    It 'reports a missing image alone' {
        $found = "$folder${/}none.qed", $image | Measure-QedImage -Format raw -ErrorAction SilentlyContinue -ErrorVariable failure
        $found.Path | Should -Be $image
        $failure[0].FullyQualifiedErrorId | Should -BeLike 'ImageNotFound,*'
        $failure[0].TargetObject | Should -Be "$folder${/}none.qed"
    }

    It 'changes nothing' {
        $before = Get-Fingerprint $folder
        $null = Measure-QedImage "$folder/*.qed" -Exact
        Get-Fingerprint $folder | Should -Be $before
    }

    It 'is shown as a table with sizes in units' {
        $text = Measure-QedImage $image qed, raw | Out-String -Width 100
        $text -replace '\s' | Should -Match ([regex]::Escape("Directory:$(Split-Path $image)" -replace '\s'))
        $text | Should -Match 'raw\s+8 MiB\s+at most 8 MiB\s+8 MiB a\.qed'
    }

    It 'completes the names of formats' {
        $line = 'Measure-QedImage x -Format q'
        (TabExpansion2 $line $line.Length).CompletionMatches.CompletionText | Should -Be 'qed', 'qcow2'
    }
}
