BeforeDiscovery {
    $hasQemu = [bool](Get-Command qemu-img -ErrorAction Ignore)
}

BeforeAll {
    . $PSScriptRoot/Support.ps1

    # A small file whose guest sees 64 TiB of single clusters with gaps between: a thousand million extents.
    function New-GappedImage([string]$Path) {
        $null = New-QedImage -LiteralPath $Path -SizeBytes 64TB
        $l1 = Get-UInt64 $Path 40
        $table = [uint64](Get-Item -LiteralPath $Path).Length
        Write-UInt64 $Path $l1 ([uint64[]](@($table) * 32768))
        Write-UInt64 $Path $table ([uint64[]](@(($table + 256KB), 0) * 16384))
        Write-UInt64 $Path ($table + 320KB - 8) 1
        $Path
    }
}

Describe 'Get-QedImageMap' {
    BeforeAll {
        $folder = New-Folder
        $base = New-FilledImage "$folder/base.qed" 4MB
        $middle = (New-QedImage "$folder/middle.qed" -BackingPath $base -SizeBytes 8MB -ClusterSizeBytes 4KB).Path
        $top = (New-QedImage "$folder/top.qed" -BackingPath $middle -SizeBytes 10MB).Path
        Copy-QedImageContent $middle 512KB -Bytes (, [byte]1 * 8192) -Confirm:$false
        Copy-QedImageContent $middle 7MB -Bytes (, [byte]1 * 4096) -Confirm:$false
        Copy-QedImageContent $middle 3MB -Bytes ([byte[]]::new(64KB)) -Confirm:$false
        Copy-QedImageContent $top 9MB -Bytes (, [byte]1 * 128KB) -Confirm:$false
    }

    It 'tells of each run where it lies, in which image of the chain' {
        $map = Get-QedImageMap $top
        $map | Should -BeOfType Qed.ImageExtent
        $map.Path | Sort-Object -Unique | Should -Be $top
        $map[0].PSPath | Should -Be "Microsoft.PowerShell.Core\FileSystem::$top"
        $run = $map.Where({ $_.Offset -eq 512KB })
        $run.Length | Should -Be 8KB
        $run.Kind | Should -Be 'Data'
        $run.Depth | Should -Be 1
        $run.HostPath | Should -Be $middle
        $bytes = [IO.File]::ReadAllBytes($middle)
        $bytes[$run.HostOffset], $bytes[$run.HostOffset + 8191] | Should -Be 1, 1
    }

    It 'covers the disk without gaps, in runs as long as they can be' {
        $map = Get-QedImageMap $top
        $next = 0
        foreach ($run in $map) {
            $run.Offset | Should -Be $next
            $next += $run.Length
        }
        $next | Should -Be 10MB
        (Get-QedImageMap (New-QedImage "$folder/empty.qed" 64TB)).Length | Should -Be 64TB
    }

    It 'tells zero clusters from what nobody has' {
        $map = Get-QedImageMap $top
        $zero = $map.Where({ $_.Kind -eq 'Zero' -and $_.Depth -eq 1 })
        $zero.Offset | Should -Be 3MB
        $zero.Length | Should -Be 64KB
        $zero.HostOffset | Should -BeNullOrEmpty
        $none = $map.Where({ $_.Offset -eq 4MB })
        $none.Kind | Should -Be 'Unallocated'
        $none.HostPath | Should -BeNullOrEmpty
        # Nobody has it, so nobody's depth is its.
        $null -eq $none.Depth | Should -BeTrue
    }

    It 'tells only what the image itself says with -Top, and opens nothing else' {
        $orphan = "$(New-Folder)/orphan.qed"
        Copy-Item -LiteralPath $top $orphan
        Set-QedBackingFile $orphan -BackingPath gone.qed -MetadataOnly -Confirm:$false
        $map = Get-QedImageMap $orphan -Top -ErrorAction Stop
        $map.Kind | Should -Be 'Unallocated', 'Data', 'Unallocated'
        $map.Offset | Should -Be 0, 9MB, (9MB + 128KB)
        $map.Depth | Should -Be $null, 0, $null
        Get-QedImageMap $orphan -ErrorAction SilentlyContinue -ErrorVariable failure | Should -BeNullOrEmpty
        $failure[0].FullyQualifiedErrorId | Should -Be 'BackingFileMissing,Qed.PowerShell.Commands.GetQedImageMapCommand'
    }

    It 'gives sizes and offsets as UInt64' {
        $run = Get-QedImageMap $base | Select-Object -First 1
        foreach ($name in 'Offset', 'Length', 'HostOffset') { $run.$name | Should -BeOfType uint64 -Because $name }
    }

    It 'keeps the runs of each image together, however many are worked on at a time' {
        $names = $top, $middle, $base, $top, $middle, $base
        $found = ($names | Get-QedImageMap -ThrottleLimit 6).Path
        $found | Should -HaveCount (2 * ((Get-QedImageMap $top, $middle, $base).Count))
        $changes = 0
        for ($i = 1; $i -lt $found.Count; $i++) { if ($found[$i] -ne $found[$i - 1]) { $changes++ } }
        $changes | Should -BeLessOrEqual 5
    }

    It 'streams: the first of a thousand million runs come before the last is known, in little memory, and stopping releases the file' {
        $gapped = New-GappedImage "$folder/gapped.qed"
        # All of them would take hours.
        $run = Get-QedImageMap $gapped | Select-Object -First 3
        $run.Offset | Should -Be 0, 64KB, 128KB
        Get-OpenFile $folder | Should -BeNullOrEmpty
        [GC]::Collect()
        $before = [GC]::GetTotalMemory($true)
        # Two of them, so that one has to wait with its results for the other.
        $most = 0
        $gapped, $gapped | Get-QedImageMap -ThrottleLimit 2 | Select-Object -First 100000 | ForEach-Object {
            if ($_.Offset % 512MB -eq 0) { $most = [Math]::Max($most, [GC]::GetTotalMemory($true) - $before) }
        }
        $most | Should -BeLessThan 32MB
        Get-OpenFile $folder | Should -BeNullOrEmpty
    }

    It 'changes nothing' {
        $before = Get-Fingerprint $folder
        $null = Get-QedImageMap $top, $middle, $base
        Get-Fingerprint $folder | Should -Be $before
    }

    It 'is shown as a table with offsets in hexadecimal and sizes in units' {
        $text = Get-QedImageMap $top | Out-String -Width 100
        # A long name goes on in the next line.
        $text -replace '\r?\n' | Should -Match ('Image:\s*' + [regex]::Escape($top))
        $text | Should -Match '0x80000\s+0x82000\s+8 KiB Data\s+1\s+0x[0-9a-f]+ middle\.qed'
    }

    It 'says what qemu-img says' -Skip:(-not $hasQemu) {
        foreach ($image in $top, $middle, $base) {
            $theirs = (& qemu-img map --output=json $image) -join '' | ConvertFrom-Json | ForEach-Object { "$($_.start)+$($_.length) $(if ($_.present) { $_.depth }) $($_.present) $($_.data) $($_.offset)" }
            $ours = Get-QedImageMap $image | ForEach-Object { "$($_.Offset)+$($_.Length) $($_.Depth) $($_.Kind -ne 'Unallocated') $($_.Kind -eq 'Data') $($_.HostOffset)" }
            $ours | Should -Be $theirs
        }
    }
}
