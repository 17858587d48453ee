BeforeAll {
    . $PSScriptRoot/Support.ps1
    $folder = New-Folder
    $raw = New-RawFile "$folder/disk.raw" 4MB
    $expected = (Get-FileHash -LiteralPath $raw).Hash
}

Describe 'Get-QedImageHash' {
    It 'gives the hash of the raw disk, whatever holds it: <_>' -ForEach 'qed', 'qcow2', 'vhd', 'vhdx', 'vmdk', 'vdi' {
        $image = (Convert-QedImage $raw "$folder/$_.$_" -Format $_ -PassThru).Path
        $hash = Get-QedImageHash $image
        $hash.Hash | Should -BeExactly $expected
        $hash.Format | Should -Be $_
        $hash.Size | Should -Be 4MB
    }

    It 'gives what Get-FileHash gives with -Algorithm <_>' -ForEach 'MD5', 'SHA1', 'SHA256', 'SHA384', 'SHA512' {
        $hash = Get-QedImageHash $raw -Algorithm $_
        $hash.Hash | Should -BeExactly (Get-FileHash -LiteralPath $raw -Algorithm $_).Hash
        $hash.Algorithm | Should -BeExactly $_
    }

    It 'hashes through a backing chain' {
        $null = Convert-QedImage $raw "$folder/base.qed" -Force
        $overlay = (New-QedImage "$folder/overlay.qed" -BackingPath "$folder/base.qed" -Force).Path
        (Get-QedImageHash $overlay).Hash | Should -BeExactly $expected
        Copy-QedImageContent $overlay -Offset 1MB -Bytes ([byte[]](1..255)) -Confirm:$false
        $copy = (Convert-QedImage $overlay "$folder/copy.raw" -Force -PassThru).Path
        (Get-QedImageHash $overlay).Hash | Should -BeExactly (Get-FileHash -LiteralPath $copy).Hash
    }

    It 'hashes the holes of a disk as the zeroes that they are' {
        $sparse = "$folder${/}sparse.raw"
        [IO.File]::WriteAllBytes($sparse, [byte[]](1..200))
        Set-FileLength $sparse 96MB
        (Get-QedImageHash $sparse).Hash | Should -BeExactly (Get-FileHash -LiteralPath $sparse).Hash
    }

    It 'refuses an algorithm that it does not have' {
        { Get-QedImageHash $raw -Algorithm CRC32 } | Should -Throw -ErrorId 'CannotConvertArgumentNoMessage,*'
    }

    It 'names a damaged image and hashes the others' {
        $bad = New-FilledImage "$folder/bad.qed"
        Set-Corruption $bad
        $hashes = $bad, $raw | Get-QedImageHash -ErrorAction SilentlyContinue -ErrorVariable failures
        $failures.FullyQualifiedErrorId | Should -BeLike 'ImageCorrupt,*'
        $hashes.Hash | Should -BeExactly $expected
    }
}
