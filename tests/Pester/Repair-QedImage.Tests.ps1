BeforeDiscovery {
    $hasQemu = [bool](Get-Command qemu-img -ErrorAction Ignore)
    $hasLoop = $IsLinux -and (Test-Path /dev/loop-control) -and (& id -u) -eq '0'
}

BeforeAll {
    . $PSScriptRoot/Support.ps1

    function New-LeakedImage([string]$Path) {
        $image = New-FilledImage $Path
        Add-Leak $image 3
        $image
    }

    function New-CorruptImage([string]$Path) {
        $image = New-LeakedImage $Path
        Set-Corruption $image
        $image
    }
}

Describe 'Repair-QedImage' {
    BeforeAll {
        $folder = New-Folder
    }

    It 'mends a corrupt image, says what it did, and keeps an undo file' {
        $image = New-CorruptImage "$folder/corrupt.qed"
        $report = Repair-QedImage $image -Confirm:$false
        $report | Should -BeOfType Qed.CheckReport
        $report.Path | Should -Be $image
        $report.Status | Should -Be 'Repaired'
        $report.IsClean | Should -BeTrue
        $report.Changes | Should -HaveCount 2
        $report.Changes[0] | Should -Be 'Clear L2 entry 0 of L1 entry 0'
        $report.Changes[1] | Should -BeLike 'Reclaim 4 leaked clusters*'
        $report.UndoPath | Should -Be "$image.undo"
        $report.UndoPath | Should -Exist
        (Test-QedImage $image).Status | Should -Be 'Clean'
    }

    It 'leaves an image in which QEMU finds nothing wrong' -Skip:(-not $hasQemu) {
        $image = New-CorruptImage "$folder/qemu.qed"
        $null = Repair-QedImage $image -Confirm:$false
        & qemu-img check -q -f qed $image
        $LASTEXITCODE | Should -Be 0
    }

    It 'changes nothing the second time, and leaves no further undo file' {
        $image = New-CorruptImage "$folder/twice.qed"
        $null = Repair-QedImage $image -DiscardUndo -Confirm:$false
        $before = Get-Fingerprint $folder
        $report = Repair-QedImage $image -Confirm:$false
        $report.Status | Should -Be 'Clean'
        $report.Changes | Should -BeNullOrEmpty
        $report.UndoPath | Should -BeNullOrEmpty
        Get-Fingerprint $folder | Should -Be $before
    }

    It 'keeps the undo file where -UndoPath says, and finds it there again' {
        $image = New-CorruptImage "$folder/elsewhere.qed"
        $before = (Get-FileHash $image).Hash
        $undo = "$folder${/}undo of elsewhere"
        $report = Repair-QedImage $image -UndoPath $undo -Confirm:$false
        $report.UndoPath | Should -Be $undo
        "$image.undo" | Should -Not -Exist
        { Repair-QedImage $image -Undo -Confirm:$false -ErrorAction Stop } | Should -Throw '*no undo file*'
        # The report brings its path along.
        $report | Repair-QedImage -Undo -Confirm:$false
        (Get-FileHash $image).Hash | Should -Be $before
        $undo | Should -Not -Exist
    }

    It 'needs -UndoPath on a block device, and leads back there' -Skip:(-not $hasLoop) {
        $image = New-CorruptImage "$folder/for-device.qed"
        & truncate --size 16M "$folder/disk"
        $device = & flock /dev/loop-control losetup --find --show "$folder/disk"
        try {
            & dd "if=$image" "of=$device" conv=notrunc,fsync status=none
            $before = (Get-FileHash $device).Hash
            { Repair-QedImage $device -Confirm:$false -ErrorAction Stop } | Should -Throw '*Repair-QedImage -UndoPath names its place*'
            { Repair-QedImage $device -UndoPath /dev/image.undo -Confirm:$false -ErrorAction Stop } | Should -Throw "*system's devices*"
            (Get-FileHash $device).Hash | Should -Be $before
            $report = Repair-QedImage $device -UndoPath "$folder/device.undo" -Confirm:$false
            $report.Status | Should -Be 'Repaired'
            $report.EndOfUse | Should -BeLessThan 16MB
            (Resize-QedImage $device -SizeBytes 1GB -PassThru -Confirm:$false).Size | Should -Be 1GB
            $new = New-QedImage $device 4MB -Force
            $new.FileSize | Should -Be 16MB
            (Test-QedImage $device).Status | Should -Be 'Clean'
        }
        finally {
            & losetup --detach $device
        }
    }

    It 'clears the mark of an image that was not closed cleanly once it has found nothing wrong' {
        $image = New-FilledImage "$folder/dirty.qed"
        Write-UInt64 $image 16 2
        $report = Repair-QedImage $image -Confirm:$false
        $report.Status | Should -Be 'Repaired'
        $report.NeedsCheck | Should -BeFalse
        Get-UInt64 $image 16 | Should -Be 0
    }

    It 'lists every change and makes none under <_>' -ForEach '-WhatIf', '$WhatIfPreference' {
        $image = New-CorruptImage "$folder/whatif.qed"
        $before = Get-Fingerprint $folder
        $session = Invoke-Session {
            $WhatIfPreference = $how -ne '-WhatIf'
            if ($WhatIfPreference) { Repair-QedImage -LiteralPath $image } else { Repair-QedImage -LiteralPath $image -WhatIf }
        } @{ image = $image; how = $_ }
        Get-Fingerprint $folder | Should -Be $before
        $text = $session.Host.Lines -join "`n"
        $text | Should -Match 'Clear L2 entry 0 of L1 entry 0'
        $text | Should -Match 'Reclaim 4 leaked clusters'
    }

    It 'works on many images, and reports one that is no image' {
        $images = 1..4 | ForEach-Object { New-LeakedImage "$folder/many$_.qed" }
        $images += New-RawFile "$folder/many5.qed"
        $found = $images | Repair-QedImage -Confirm:$false -ErrorAction SilentlyContinue -ErrorVariable failure
        $found.Status | Should -Be (@('Repaired') * 4)
        $failure | Should -HaveCount 1
        $failure[0].FullyQualifiedErrorId | Should -BeLike 'ImageNotRecognized,*'
    }

    It 'refuses an image of another format by name' {
        $failure = Get-Failure { Repair-QedImage (New-RawFile "$folder/plain.raw") -Confirm:$false }
        $failure.FullyQualifiedErrorId | Should -BeLike 'UnsupportedFeature,*'
    }

    It 'does not touch an image that is in use' {
        $image = New-LeakedImage "$folder/used.qed"
        $handle = Open-ForWriting $image
        try {
            $failure = Get-Failure { Repair-QedImage $image -Confirm:$false }
            $failure.FullyQualifiedErrorId | Should -BeLike 'ImageInUse,*'
        }
        finally {
            $handle.Dispose()
        }
    }

    It 'makes the changes where -WhatIf:$false overrides the preference' {
        $image = New-CorruptImage "$folder/nowhatif.qed"
        $session = Invoke-Session { $WhatIfPreference = $true; Repair-QedImage -LiteralPath $image -WhatIf:$false -Confirm:$false } @{ image = $image }
        $session.Output.Status | Should -Be 'Repaired'
    }

    It 'says what it could not put back with a damaged undo file, and keeps it' {
        $image = New-CorruptImage "$folder/damagedundo.qed"
        $null = Repair-QedImage $image -Confirm:$false
        Set-FileLength "$image.undo" 4000
        (Get-Failure { Repair-QedImage $image -Undo -Confirm:$false }).FullyQualifiedErrorId | Should -BeLike 'ImageCorrupt,*'
        Repair-QedImage $image -Undo -Force -Confirm:$false -WarningVariable warnings -WarningAction SilentlyContinue
        "$warnings" | Should -BeLike '*is not as it was before its repair*breaks off*'
        "$image.undo" | Should -Exist
    }

    Context '-Mode Leaks' {
        It 'gives leaked space back' {
            $image = New-LeakedImage "$folder/leaked.qed"
            $length = (Get-Item -LiteralPath $image).Length
            (Repair-QedImage $image Leaks -Confirm:$false).Status | Should -Be 'Repaired'
            (Get-Item -LiteralPath $image).Length | Should -Be ($length - 3 * 64KB)
        }

        It 'leaves an image with corruptions as it is' {
            $image = New-CorruptImage "$folder/both.qed"
            $before = Get-Fingerprint $folder
            $report = Repair-QedImage $image -Mode Leaks -Confirm:$false
            $report.Status | Should -Be 'Corrupt'
            $report.Changes | Should -BeNullOrEmpty
            Get-Fingerprint $folder | Should -Be $before
        }
    }

    Context '-Undo' {
        It 'puts the image back byte for byte and removes the undo file' {
            $image = New-CorruptImage "$folder/undo.qed"
            $before = (Get-FileHash -LiteralPath $image).Hash
            $null = Repair-QedImage $image -Confirm:$false
            Repair-QedImage $image -Undo -Confirm:$false | Should -BeNullOrEmpty
            (Get-FileHash -LiteralPath $image).Hash | Should -Be $before
            "$image.undo" | Should -Not -Exist
        }

        It 'reports the image as it was with -PassThru' {
            $image = New-CorruptImage "$folder/passthru.qed"
            $null = Repair-QedImage $image -Confirm:$false
            (Repair-QedImage $image -Undo -PassThru -Confirm:$false).Status | Should -Be 'Corrupt'
        }

        It 'is refused without an undo file' {
            $failure = Get-Failure { Repair-QedImage (New-FilledImage "$folder/none.qed") -Undo -Confirm:$false }
            $failure.FullyQualifiedErrorId | Should -BeLike 'ImageNotFound,*'
            $failure.Exception.Message | Should -BeLike '*none.qed.undo*'
        }

        It 'is refused where the image was changed since, unless forced' {
            $image = New-CorruptImage "$folder/changed.qed"
            $length = (Get-Item -LiteralPath $image).Length
            $null = Repair-QedImage $image -Confirm:$false
            Add-Leak $image 1
            (Get-Failure { Repair-QedImage $image -Undo -Confirm:$false }).FullyQualifiedErrorId | Should -BeLike 'ImageCorrupt,*'
            Repair-QedImage $image -Undo -Force -Confirm:$false
            (Get-Item -LiteralPath $image).Length | Should -Be $length
            (Test-QedImage $image).Status | Should -Be 'Corrupt'
        }

        It 'changes nothing under -WhatIf' {
            $image = New-CorruptImage "$folder/undowhatif.qed"
            $null = Repair-QedImage $image -Confirm:$false
            $before = Get-Fingerprint $folder
            Repair-QedImage $image -Undo -WhatIf
            Get-Fingerprint $folder | Should -Be $before
        }

        It 'excludes -<Other.Keys>' -ForEach @{ Other = @{ DiscardUndo = $true } }, @{ Other = @{ Mode = 'Leaks' } } {
            { Repair-QedImage "$folder/x.qed" -Undo @Other } | Should -Throw -ErrorId 'AmbiguousParameterSet,*'
        }
    }

    It 'keeps no undo file with -DiscardUndo, and removes an older one' {
        $image = New-CorruptImage "$folder/discard.qed"
        $null = Repair-QedImage $image -Confirm:$false
        "$image.undo" | Should -Exist
        (Repair-QedImage $image -DiscardUndo -Confirm:$false).UndoPath | Should -BeNullOrEmpty
        "$image.undo" | Should -Not -Exist
    }

    It 'keeps the undo file to its owner' -Skip:(-not $IsLinux) {
        $image = New-CorruptImage "$folder/private.qed"
        $null = Repair-QedImage $image -Confirm:$false
        [IO.File]::GetUnixFileMode("$image.undo") -eq 'UserRead, UserWrite' | Should -BeTrue
    }
}

Describe 'Test-QedImage -Online' {
    BeforeAll {
        $folder = New-Folder
        $image = New-FilledImage "$folder/image.qed"
    }

    It 'checks an image that is open for writing, and says that it was online' {
        $handle = Open-ForWriting $image
        try {
            (Get-Failure { Test-QedImage $image }).FullyQualifiedErrorId | Should -BeLike 'ImageInUse,*'
            $report = Test-QedImage $image -Online
            $report.IsOnline | Should -BeTrue
            $report.Status | Should -Be 'Clean'
        }
        finally {
            $handle.Dispose()
        }
    }

    It 'says that a check was not online' {
        (Test-QedImage $image).IsOnline | Should -BeFalse
    }

    It 'bounds the rate at which it reads' {
        (Test-QedImage $image -Online -MaximumBytesPerSecond 100MB).Status | Should -Be 'Clean'
        { Test-QedImage $image -MaximumBytesPerSecond 0 } | Should -Throw -ErrorId 'ParameterArgumentValidationError,*'
    }
}
