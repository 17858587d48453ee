# Conversions from damaged sources: what -Salvage saves, and what it tells of the rest.

BeforeAll {
    . $PSScriptRoot/Support.ps1
}

Describe 'Convert-QedImage from a damaged source' {
    BeforeAll {
        $folder = New-Folder
        $raw = New-RawFile "$folder/source.raw" 4MB
        $qed = New-FilledImage "$folder/source.qed" 4MB
        $damaged = New-FilledImage "$folder/damaged.qed" 4MB
        $header = [IO.File]::ReadAllBytes($damaged)
        $l2 = [BitConverter]::ToInt64($header, [BitConverter]::ToInt64($header, 40))
        # The entries of the third and the fourth cluster lead beyond the end of the file.
        foreach ($entry in 2, 3) {
            [BitConverter]::GetBytes(1GB).CopyTo($header, $l2 + 8 * $entry)
        }
        [IO.File]::WriteAllBytes($damaged, $header)
    }

    BeforeEach {
        $out = New-Folder
    }

    AfterEach {
        Get-ChildItem -LiteralPath $out -Filter *.partial | Should -BeNullOrEmpty
        Get-OpenFile $folder | Should -BeNullOrEmpty
    }

    It 'fails at the first place that cannot be read' {
        $failure = Get-Failure { Convert-QedImage $damaged "$out/a.raw" }
        $failure.FullyQualifiedErrorId | Should -BeLike 'ImageCorrupt,*'
        "$out/a.raw" | Should -Not -Exist
    }

    It 'saves the rest with -Salvage, and tells what is lost in the result and as a warning' {
        $info = Convert-QedImage $damaged "$out/a.raw" -Salvage -Verify -PassThru -WarningVariable warned -WarningAction SilentlyContinue
        $info | Should -BeOfType Qed.ImageInfo
        $info.UnreadableBytes | Should -Be 128KB
        $info.UnreadableRanges | Should -HaveCount 1
        $info.UnreadableRanges[0].Offset | Should -Be 128KB
        $info.UnreadableRanges[0].Length | Should -Be 128KB
        ($info | Format-List | Out-String) | Should -BeLike '*UnreadableRanges*131072 from 131072*'
        $warned | Should -HaveCount 1
        $warned[0].Message | Should -BeLike "*131072 bytes of*$damaged*131072 at 131072*"
        $expected = [IO.File]::ReadAllBytes($raw)
        [Array]::Clear($expected, 128KB, 128KB)
        [Convert]::ToBase64String([IO.File]::ReadAllBytes("$out/a.raw")) -ceq [Convert]::ToBase64String($expected) | Should -BeTrue
    }

    It 'has nothing to tell of a sound source' {
        $info = Convert-QedImage $qed "$out/a.raw" -Salvage -PassThru -WarningVariable warned
        $info.UnreadableBytes | Should -Be 0
        $info.UnreadableRanges | Should -HaveCount 0
        $warned | Should -BeNullOrEmpty
    }

    It 'never deletes a source that it salvages' {
        $failure = Get-Failure { Convert-QedImage $damaged "$out/a.raw" -Salvage -DeleteSource }
        $failure.FullyQualifiedErrorId | Should -BeLike 'UnsupportedFeature,*'
        $damaged | Should -Exist
    }
}
