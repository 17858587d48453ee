BeforeDiscovery {
    $hasQemu = [bool](Get-Command qemu-img -ErrorAction Ignore)
}

BeforeAll {
    . $PSScriptRoot/Support.ps1
}

Describe 'Merge-QedImage' {
    BeforeEach {
        $folder = New-Folder
        $base = New-FilledImage "$folder/base.qed" 1MB 1
        $middle = (New-QedImage "$folder/middle.qed" -BackingPath $base).Path
        $top = (New-QedImage "$folder/top.qed" -BackingPath $middle).Path
        Copy-QedImageContent $middle 64KB -Bytes ([byte[]](, 2 * 100KB)) -Confirm:$false
        Copy-QedImageContent $top 128KB -Bytes ([byte[]](, 3 * 100KB)) -Confirm:$false
        $hash = Get-ContentHash $top
        $baseHash = Get-ContentHash $base
    }

    AfterEach {
        Get-OpenFile $folder | Should -BeNullOrEmpty
    }

    It 'merges an image into its backing file, empties it, and is silent' {
        $length = (Get-Item -LiteralPath $top).Length
        Merge-QedImage $top -Confirm:$false | Should -BeNullOrEmpty
        Get-ContentHash $middle | Should -Be $hash
        Get-ContentHash $top | Should -Be $hash
        Get-ContentHash $base | Should -Be $baseHash
        $report = Test-QedImage $top
        $report.AllocatedClusters | Should -Be 0
        $report.IsClean | Should -BeTrue
        (Get-Item -LiteralPath $top).Length | Should -BeLessThan $length
    }

    It 'describes what was merged into with -PassThru' {
        $info = Merge-QedImage $top -Confirm:$false -PassThru
        $info | Should -BeOfType Qed.MergedImageInfo
        $info.Path | Should -Be $middle
        $info.SourcePath | Should -Be $top
        $info.Source | Should -Be 'Emptied'
        $info.WrittenBytes | Should -Be 128KB
        $info.ZeroedBytes | Should -Be 0
        $info.SizeBefore | Should -Be 1MB
        $info.Size | Should -Be 1MB
        $info.DeletedFiles | Should -BeNullOrEmpty
        ($info | Test-QedImage).Path | Should -Be $middle
    }

    It 'takes a destination further down, by position, from a column, and beside the image' {
        Remove-Item -LiteralPath $middle
        $middle = (New-QedImage "$folder/middle.qed" -BackingPath $base).Path
        $hash = Get-ContentHash $top
        Merge-QedImage $top $base -Force -Confirm:$false -WarningAction SilentlyContinue
        Get-ContentHash $base | Should -Be $hash
        $info = [pscustomobject]@{ Path = $top; DestinationPath = 'base.qed' } | Merge-QedImage -Force -Confirm:$false -PassThru -WarningAction SilentlyContinue
        $info.Path | Should -Be $base
        $info.Source | Should -Be 'Kept'
        $info.WrittenBytes | Should -Be 0
    }

    It 'takes a blank destination for none' {
        ([pscustomobject]@{ Path = $top; DestinationPath = ' '; SearchPath = '' } | Merge-QedImage -Confirm:$false -PassThru).Path | Should -Be $middle
    }

    It 'names the images between, which read differently then, and deletes them with -DeleteSource' {
        $before = Get-Fingerprint $folder
        $failure = Get-Failure { Merge-QedImage $top $base -Confirm:$false }
        $failure.FullyQualifiedErrorId | Should -BeLike 'BackingFileRefused,*'
        $failure.Exception.Message | Should -BeLike "*'$middle'*-Force*"
        $failure.TargetObject | Should -Be $top
        Get-Fingerprint $folder | Should -Be $before
        $info = Merge-QedImage $top $base -DeleteSource -Confirm:$false -PassThru
        $info.DeletedFiles | Should -Be $top, $middle
        Get-ChildItem -LiteralPath $folder -Name | Should -Be 'base.qed'
        Get-ContentHash $base | Should -Be $hash
    }

    It 'names who else rests on what would change, also in further folders, and goes on with -Force' {
        $elsewhere = New-Folder
        $null = New-Item -ItemType Directory "$elsewhere/deep"
        $sibling = (New-QedImage "$elsewhere/deep/sibling.qed" -BackingPath $middle).Path
        $before = Get-Fingerprint $folder
        $failure = Get-Failure { Merge-QedImage $top -SearchPath $elsewhere -Confirm:$false }
        $failure.FullyQualifiedErrorId | Should -BeLike 'BackingFileRefused,*'
        $failure.Exception.Message | Should -BeLike "*'$sibling'*"
        (Get-Failure { Merge-QedImage $top -SearchPath "$folder/none" -Confirm:$false }).FullyQualifiedErrorId | Should -BeLike 'ImageNotFound,*'
        Get-Fingerprint $folder | Should -Be $before
        Merge-QedImage $top -SearchPath $elsewhere -Force -Confirm:$false -WarningAction SilentlyContinue -WarningVariable warnings
        "$warnings" | Should -BeLike "*'$sibling'*"
        Get-ContentHash $middle | Should -Be $hash
    }

    It 'keeps the image with -KeepSource' {
        $before = (Get-FileHash -LiteralPath $top).Hash
        Merge-QedImage $top -KeepSource -Confirm:$false
        (Get-FileHash -LiteralPath $top).Hash | Should -Be $before
        Get-ContentHash $middle | Should -Be $hash
        (Get-Failure { try { Merge-QedImage $top -KeepSource -DeleteSource } catch { Write-Error $_ } }).Exception.Message | Should -BeLike '*exclude each other*'
    }

    It 'says beforehand what it will write: <_>' -ForEach 'Emptied', 'Kept', 'Deleted' {
        $fate = $_
        $how = switch ($fate) { 'Kept' { @{ KeepSource = $true } } 'Deleted' { @{ DeleteSource = $true } } default { @{} } }
        $before = Get-Fingerprint $folder
        $session = Invoke-Session { Merge-QedImage $top @how -WhatIf } @{ top = $top; how = $how }
        Get-Fingerprint $folder | Should -Be $before
        $info = Merge-QedImage $top @how -Confirm:$false -PassThru
        $info.Source | Should -Be $fate
        "$($session.Host.Lines)" | Should -BeLike "*Merge into '$middle': write $([Qed.ByteSize]::Format($info.WrittenBytes)), make $([Qed.ByteSize]::Format($info.ZeroedBytes)) zeroes*"
        Test-Path -LiteralPath $top | Should -Be ($fate -ne 'Deleted')
    }

    It 'refuses under -WhatIf and before it asks what it would refuse' {
        $sibling = (New-QedImage "$folder/sibling.qed" -BackingPath $middle).Path
        (Get-Failure { Merge-QedImage $top -WhatIf }).Exception.Message | Should -BeLike "*'$sibling'*"
        $session = Invoke-Session { Merge-QedImage $top -Confirm 2>&1 } @{ top = $top }
        $session.Host.Questions | Should -BeNullOrEmpty
        $session.Output.FullyQualifiedErrorId | Should -BeLike 'BackingFileRefused,*'
    }

    It 'grows a smaller raw file, and says so' {
        $raw = New-RawFile "$folder/small.raw" 64KB
        $image = (New-QedImage "$folder/over.qed" 1MB -BackingPath $raw -BackingFormat raw).Path
        Copy-QedImageContent $image 512KB -Bytes ([byte[]](, 3 * 100KB)) -Confirm:$false
        $hash = Get-ContentHash $image
        $session = Invoke-Session { Merge-QedImage $image -WhatIf } @{ image = $image }
        "$($session.Host.Lines)" | Should -BeLike '*growing it from 64 KiB to 1 MiB*'
        (Merge-QedImage $image -Confirm:$false -PassThru).Size | Should -Be 1MB
        (Get-FileHash -LiteralPath $raw).Hash | Should -Be $hash
    }

    It 'merges what qemu-img has made, and QEMU finds nothing wrong' -Skip:(-not $hasQemu) {
        & qemu-img create -q -f qcow2 -F qed -b middle.qed "$folder/over.qcow2"
        & qemu-io -f qcow2 -c 'write -P 9 300k 64k' "$folder/over.qcow2" | Out-Null
        $seen = Get-ContentHash "$folder/over.qcow2"
        $failure = Get-Failure { Merge-QedImage "$folder/over.qcow2" -Force -Confirm:$false }
        $failure.FullyQualifiedErrorId | Should -BeLike 'UnsupportedFeature,*'
        $failure.Exception.Message | Should -BeLike '*-KeepSource*-DeleteSource*'
        Merge-QedImage "$folder/over.qcow2" -DeleteSource -Force -Confirm:$false -WarningAction SilentlyContinue
        Get-ContentHash $middle | Should -Be $seen
        & qemu-img check -q -f qed $middle
        $LASTEXITCODE | Should -Be 0
    }

    It 'merges many of a folder, each into its own' {
        $images = 1..8 | ForEach-Object {
            $own = New-FilledImage "$folder/own$_.qed" 1MB $_
            $image = (New-QedImage "$folder/over$_.qed" -BackingPath $own).Path
            Copy-QedImageContent $image 0 -Bytes ([byte[]](, $_ * 70KB)) -Confirm:$false
            $image
        }
        $hashes = $images | ForEach-Object { Get-ContentHash $_ }
        $infos = $images | Merge-QedImage -Confirm:$false -PassThru
        $infos.SourcePath | Should -Be $images
        $infos | ForEach-Object { Get-ContentHash $_.Path } | Should -Be $hashes
    }

    It 'merges one after the other what has the same base' {
        $raw = New-RawFile "$folder/base.raw" 1MB
        $images = 1..4 | ForEach-Object {
            $image = (New-QedImage "$folder/over$_.qed" -BackingPath $raw -BackingFormat raw).Path
            Copy-QedImageContent $image ($_ * 128KB) -Bytes ([byte[]](, $_ * 64KB)) -Confirm:$false
            $image
        }
        $infos = $images | Merge-QedImage -Force -Confirm:$false -PassThru -ThrottleLimit 4 -WarningAction SilentlyContinue
        $infos | Should -HaveCount 4
        $bytes = [IO.File]::ReadAllBytes($raw)
        1..4 | ForEach-Object { $bytes[$_ * 128KB + 5] | Should -Be $_ }
    }

    It 'refuses <Case>' -ForEach @(
        @{ Case = 'an image that rests on nothing'; Id = 'BackingFileMissing'; Act = { Merge-QedImage $base -Confirm:$false } }
        @{ Case = 'what is not part of the chain'; Id = 'BackingFileRefused'; Act = { Merge-QedImage $top (New-FilledImage "$folder/other.qed") -Confirm:$false } }
        @{ Case = 'a destination that is not there'; Id = 'ImageNotFound'; Act = { Merge-QedImage $top "$folder/none.qed" -Confirm:$false } }
        @{ Case = 'an image in use'; Id = 'ImageInUse'; Act = { $held = Open-ForWriting $top; try { Merge-QedImage $top -Confirm:$false } finally { $held.Dispose() } } }
        @{ Case = 'a destination in use'; Id = 'ImageInUse'; Act = { $held = Open-ForWriting $base; try { Merge-QedImage $middle -Force -Confirm:$false } finally { $held.Dispose() } } }
        @{ Case = 'a corrupt destination'; Id = 'ImageCorrupt'; Act = { Set-Corruption $middle; Merge-QedImage $top -Confirm:$false } }
    ) {
        (Get-Failure $Act).FullyQualifiedErrorId | Should -BeLike "$Id,*"
    }
}
