BeforeDiscovery {
    $hasQemu = [bool](Get-Command qemu-img -ErrorAction Ignore)
}

BeforeAll {
    . $PSScriptRoot/Support.ps1

    function Clear-Cluster([string]$Path, [long]$Offset, [int]$Count) {
        <# Zeroes that take space, as a writer leaves them that knows no other way: written over the data in the file. #>
        $extent = Get-QedImageMap $Path | Where-Object { $_.Offset -le $Offset -and $_.Offset + $_.Length -ge $Offset + $Count }
        $file = [IO.File]::OpenWrite($Path)
        try {
            $file.Position = $extent.HostOffset + $Offset - $extent.Offset
            $file.Write([byte[]]::new($Count))
        }
        finally { $file.Dispose() }
    }

    function New-WastefulImage([string]$Path) {
        <# 1 MiB of which a quarter are zeroes that take space, and three clusters that nothing references. #>
        $image = New-FilledImage $Path
        Clear-Cluster $image 128KB 256KB
        Add-Leak $image 3
        $image
    }
}

Describe 'Optimize-QedImage' {
    BeforeAll {
        $folder = New-Folder
    }

    BeforeEach {
        $image = New-WastefulImage "$folder/disk.qed"
        $hash = Get-ContentHash $image
        $length = (Get-Item -LiteralPath $image).Length
    }

    AfterEach {
        Get-OpenFile $folder | Should -BeNullOrEmpty
    }

    It 'gives back what nothing references, and is silent' {
        Optimize-QedImage $image -Confirm:$false | Should -BeNullOrEmpty
        $report = Test-QedImage $image
        $report.LeakedClusters | Should -Be 0
        $report.NeedsCheck | Should -BeFalse
        (Get-Item -LiteralPath $image).Length | Should -BeLessThan $length
        Get-ContentHash $image | Should -Be $hash
    }

    It 'tells what was before and after with -PassThru: -Mode <_>' -ForEach 'Quick', 'Full', 'Defragment' {
        $before = Test-QedImage $image
        $report = Optimize-QedImage $image $_ -Confirm:$false -PassThru
        $report | Should -BeOfType Qed.OptimizeReport
        $report.Path | Should -Be $image
        $report.Mode | Should -Be $_
        $report.FileSizeBefore | Should -Be $length
        $report.FileSize | Should -Be (Get-Item -LiteralPath $image).Length
        $report.LeakedClustersBefore | Should -Be $before.LeakedClusters
        $report.LeakedClusters | Should -Be 0
        $report.FragmentedClusters | Should -Be (Test-QedImage $image).FragmentedClusters
        $report.AllocatedClusters | Should -Be ($before.AllocatedClusters - $report.FreedZeroClusters)
        Get-ContentHash $image | Should -Be $hash
    }

    It 'frees zeroes with -Mode Full, which Quick leaves' {
        $quick = Optimize-QedImage $image -Confirm:$false -PassThru
        $quick.FreedZeroClusters | Should -Be 0
        $full = Optimize-QedImage $image -Mode Full -Confirm:$false -PassThru
        $full.FreedZeroClusters | Should -BeGreaterThan 0
        $full.FileSize | Should -BeLessThan $quick.FileSize
        Get-ContentHash $image | Should -Be $hash
    }

    It 'keeps zeroes from showing what lies beneath' {
        $base = New-FilledImage "$folder/base.qed" 1MB 5
        $top = (New-QedImage "$folder/top.qed" -BackingPath $base -Force).Path
        Copy-QedImageContent $top 0 -Bytes ([byte[]](@(1) * 128KB)) -Confirm:$false
        Clear-Cluster $top 0 128KB
        $seen = Get-ContentHash $top
        (Optimize-QedImage $top -Mode Full -Confirm:$false -PassThru).FreedZeroClusters | Should -Be 2
        Get-ContentHash $top | Should -Be $seen
        (Test-QedImage $top).ZeroClusters | Should -BeGreaterThan 0
    }

    It 'keeps with -Mode <_> what -WhatIf says' -ForEach 'Quick', 'Full', 'Defragment' {
        $before = Get-Fingerprint $folder
        $session = Invoke-Session { Optimize-QedImage $image $mode -WhatIf } @{ image = $image; mode = $_ }
        Get-Fingerprint $folder | Should -Be $before
        $report = Optimize-QedImage $image $_ -Confirm:$false -PassThru
        $gain = [Qed.ByteSize]::Format($report.FileSizeBefore - $report.FileSize)
        $moved = [Qed.ByteSize]::Format($report.MovedBytes)
        "$($session.Host.Lines)" | Should -BeLike "*to $([Qed.ByteSize]::Format($report.FileSize)), by $gain; move $moved*"
    }

    It 'leaves an image in which QEMU finds nothing wrong' -Skip:(-not $hasQemu) {
        Optimize-QedImage $image -Mode Defragment -Confirm:$false
        & qemu-img check -q -f qed $image
        $LASTEXITCODE | Should -Be 0
    }

    It 'changes nothing where nothing is to be gained' {
        $clean = New-FilledImage "$folder/clean.qed"
        $before = Get-Fingerprint $folder
        (Optimize-QedImage $clean -Confirm:$false -PassThru).MovedBytes | Should -Be 0
        Get-Fingerprint $folder | Should -Be $before
    }

    It 'takes the mode from a column' {
        $report = [pscustomobject]@{ Path = $image; Mode = 'Full' } | Optimize-QedImage -Confirm:$false -PassThru
        $report.Mode | Should -Be 'Full'
    }

    It 'is shown as a table' {
        Optimize-QedImage $image -Confirm:$false -PassThru | Out-String -Width 80 | Should -Match 'Before +After +Moved +Zeroes freed Name'
    }

    It 'refuses another format, and names the way round' {
        $raw = New-RawFile "$folder/disk.raw"
        $failure = Get-Failure { Optimize-QedImage $raw -Confirm:$false }
        $failure.FullyQualifiedErrorId | Should -BeLike 'UnsupportedFeature,*'
        $failure.Exception.Message | Should -BeLike '*Convert-QedImage*'
    }

    It 'refuses a corrupt image, also under -WhatIf' {
        Set-Corruption $image
        $before = Get-Fingerprint $folder
        (Get-Failure { Optimize-QedImage $image -Confirm:$false }).FullyQualifiedErrorId | Should -BeLike 'ImageCorrupt,*'
        (Get-Failure { Optimize-QedImage $image -WhatIf }).FullyQualifiedErrorId | Should -BeLike 'ImageCorrupt,*'
        Get-Fingerprint $folder | Should -Be $before
    }

    It 'refuses an image in use' {
        $stream = Open-ForWriting $image
        try {
            (Get-Failure { Optimize-QedImage $image -Confirm:$false }).FullyQualifiedErrorId | Should -BeLike 'ImageInUse,*'
        }
        finally {
            $stream.Dispose()
        }
    }
}
