BeforeAll {
    . $PSScriptRoot/Support.ps1
    $folder = New-Folder
    # Data, a quarter of zeroes that become a hole, data; then 4 MiB of which nothing is said.
    $raw = New-RawFile "$folder/disk.raw" 4MB
    Set-FileLength $raw 8MB
    $image = (Convert-QedImage $raw "$folder/disk.qed" -PassThru).Path
}

Describe 'Show-QedImageMap' {
    It 'draws where data lies, in the disk''s order, in as many cells as there is room for' {
        $lines = Show-QedImageMap $image -Plain -Width 16 -Height 1
        $lines[0] | Should -BeLike 'disk.qed*8 MiB*37.5 % data*'
        $lines[1] | Should -BeExactly '##..####........'
        $lines[2] | Should -BeLike '. unallocated  # data  (each 512 KiB)'
        $lines | Should -HaveCount 3
    }

    It 'draws what Get-QedImageMap found in the same way' {
        $direct = Show-QedImageMap $image -Plain -Width 20 -Height 4
        Get-QedImageMap $image | Show-QedImageMap -Plain -Width 20 -Height 4 | Should -BeExactly $direct
    }

    It 'draws extents that came from another session' {
        $direct = Show-QedImageMap $image -Plain -Width 20 -Height 4
        $returned = [Management.Automation.PSSerializer]::Deserialize([Management.Automation.PSSerializer]::Serialize(@(Get-QedImageMap $image)))
        $returned | Show-QedImageMap -Plain -Width 20 -Height 4 | Should -BeExactly $direct
    }

    It 'draws each of several images, in their order' {
        $other = (New-QedImage "$folder/empty.qed" 1MB -Force).Path
        $lines = Get-QedImageMap $image, $other -ThrottleLimit 1 | Show-QedImageMap -Plain -Width 16 -Height 1
        $lines -like '*.qed  *' | ForEach-Object { $_.Split(' ')[0] } | Should -Be 'disk.qed', 'empty.qed'
        $image, $other | Show-QedImageMap -Plain -Width 16 -Height 1 -ThrottleLimit 1 | Should -BeExactly $lines
    }

    It 'tells the backing chain''s data from the image''s own' {
        $overlay = (New-QedImage "$folder/overlay.qed" -BackingPath $image -Force).Path
        Copy-QedImageContent $overlay -Offset 6MB -Bytes ([byte[]](@(7) * 1MB)) -Confirm:$false
        (Show-QedImageMap $overlay -Plain -Width 16 -Height 1)[1] | Should -BeExactly 'bb..bbbb....##..'
    }

    It 'shows where an image is damaged, and what is sound around it' {
        $bad = New-FilledImage "$folder/bad.qed"
        Set-Corruption $bad
        $lines = Show-QedImageMap $bad -Plain -Width 16 -Height 1
        $lines[1] | Should -BeExactly 'X###....########'
        $lines[2] | Should -BeLike '*X damaged*'
    }

    It 'draws a disk of 64 TiB within its columns' {
        $huge = (New-QedImage "$folder/huge.qed" 64TB -Force).Path
        $lines = Show-QedImageMap $huge -Plain -Width 40 -Height 3
        $lines[1..3] | ForEach-Object { $_ | Should -BeExactly ('.' * 40) }
    }

    It 'writes no control characters where colours are not wanted' {
        (Show-QedImageMap $image -Plain) -join '' | Should -Not -Match '\x1b'
        $env:NO_COLOR = '1'
        try { (Show-QedImageMap $image) -join '' | Should -Not -Match '\x1b' } finally { Remove-Item env:NO_COLOR }
    }
}
