BeforeDiscovery {
    $hasQemu = [bool](Get-Command qemu-img -ErrorAction Ignore)
}

BeforeAll {
    . $PSScriptRoot/Support.ps1
    $migrate = (Get-Item -LiteralPath $PSScriptRoot/../../examples/Convert-QedFolder.ps1).FullName
    $module = Get-QedManifest

    function Invoke-Migration {
        & $migrate -Module $module -WarningAction SilentlyContinue @args
    }

    function Read-Journal([string]$Folder) {
        Get-Content -LiteralPath "$Folder/qed-migration.jsonl" | ForEach-Object { ConvertFrom-Json $_ }
    }

    function New-SourceFolder {
        <# Two images and an overlay on one of them, in a subfolder. #>
        $sources = New-Folder
        $null = New-Item -ItemType Directory "$sources/x/[y]"
        $null = New-FilledImage "$sources/a.qed" -Seed 1
        $null = New-FilledImage "$sources/base.qed" -Seed 2
        $null = New-QedImage "$sources/x/[y]/overlay.qed" -BackingPath "$sources/base.qed"
        Copy-QedImageContent -LiteralPath "$sources/x/[y]/overlay.qed" -Bytes (1..200) -Offset 70KB -Confirm:$false
        $sources
    }

    $names = 'a', 'base', 'x/[y]/overlay'
}

Describe 'Convert-QedFolder.ps1' {
    BeforeEach {
        $out = New-Folder
    }

    It 'migrates all images of a folder to <_>, verified, in the same subfolders, and keeps the sources' -ForEach 'vhdx', 'qcow2' {
        $sources = New-SourceFolder
        $before = Get-Fingerprint $sources
        $summary = Invoke-Migration $sources $out -Format $_ -Verify
        $LASTEXITCODE | Should -Be 0
        $summary.Converted | Should -Be 3
        foreach ($name in $names) {
            (Get-QedImageInfo -LiteralPath "$out/$name.$_").Format | Should -Be $_
            Compare-QedImage -LiteralPath "$sources/$name.qed" -DifferencePath "$out/$name.$_" -Quiet | Should -BeTrue
            if ($hasQemu) {
                & qemu-img compare -q "$sources/$name.qed" "$out/$name.$_"
                $LASTEXITCODE | Should -Be 0
            }
        }
        Get-Fingerprint $sources | Should -Be $before
        $lines = Read-Journal $out
        $lines.event | Should -Be 'start', 'converted', 'converted', 'converted', 'end'
        ($lines | Where-Object event -EQ converted).verified | Should -Be $true, $true, $true
    }

    It 'does nothing twice' {
        $sources = New-SourceFolder
        $null = Invoke-Migration $sources $out -Format vhdx
        $before = Get-ChildItem -LiteralPath $out -Recurse -Filter *.vhdx | ForEach-Object { Get-Fingerprint $_.FullName }
        $summary = Invoke-Migration $sources $out -Format vhdx
        $LASTEXITCODE | Should -Be 0
        $summary.Skipped | Should -Be 3
        $summary.Converted | Should -Be 0
        Get-ChildItem -LiteralPath $out -Recurse -Filter *.vhdx | ForEach-Object { Get-Fingerprint $_.FullName } | Should -Be $before
    }

    It 'changes nothing under -WhatIf' {
        $sources = New-SourceFolder
        $before = Get-Fingerprint $sources
        $null = Invoke-Migration $sources "$out/new" -Format vhdx -DeleteSource -WhatIf
        $LASTEXITCODE | Should -Be 0
        Get-Fingerprint $sources | Should -Be $before
        "$out/new" | Should -Not -Exist
    }

    It 'goes on after it was killed, does nothing twice, and takes nothing half-written for done' -Skip:(-not $IsLinux) {
        $sources = New-SourceFolder
        # Gigabytes for the guest: it is killed in the midst of them.
        $null = New-EndlessImage "$sources/m.qcow2"
        $run = Start-Script $migrate $sources, $out, '-Format', 'vhdx', '-Filter', '*.q*', '-Module', $module, '-ThrottleLimit', '1'
        try {
            Wait-Until { (Test-Path -LiteralPath "$out/qed-migration.jsonl") -and @(Read-Journal $out | Where-Object event -EQ converted).Count -eq 2 } -Seconds 600
            Wait-Until { Test-Writing $run $out } -Seconds 600
            # Another run finds the first one's lock.
            $said = Invoke-Migration $sources $out -Format vhdx -Filter '*.q*' 2>&1
            $LASTEXITCODE | Should -Be 8
            "$said" | Should -BeLike "Another run holds '$out${/}qed-migration.jsonl.lock'*"
        }
        finally {
            $run.Kill()
            $run.WaitForExit()
        }
        "$out/m.vhdx" | Should -Not -Exist
        "$out/x" | Should -Not -Exist
        # What the system wrote of its last line before the crash.
        [IO.File]::AppendAllText("$out/qed-migration.jsonl", '{"time":"2026-')
        $before = 'a', 'base' | ForEach-Object { Get-Item -LiteralPath "$out/$_.vhdx" | ForEach-Object LastWriteTimeUtc }

        $null = New-QedImage "$sources/m.qcow2" 1MB -Force
        $summary = Invoke-Migration $sources $out -Format vhdx -Filter '*.q*' -Verify
        $LASTEXITCODE | Should -Be 0
        $summary.Skipped | Should -Be 2
        $summary.Converted | Should -Be 2
        'a', 'base' | ForEach-Object { Get-Item -LiteralPath "$out/$_.vhdx" | ForEach-Object LastWriteTimeUtc } | Should -Be $before
        (Get-ChildItem -LiteralPath $out -Recurse -File -Force).Name | Sort-Object | Should -Be (
            'a.vhdx', 'base.vhdx', 'm.vhdx', 'overlay.vhdx', 'qed-migration.jsonl', 'qed-migration.jsonl.lock' | Sort-Object)
    }

    It 'enters a target that was whole before the journal had it, and leaves it as it is' {
        $sources = New-SourceFolder
        Convert-QedImage "$sources/a.qed" "$out/a.vhdx"
        $before = Get-Fingerprint $out
        $summary = Invoke-Migration $sources $out -Format vhdx
        $LASTEXITCODE | Should -Be 0
        $summary.Skipped | Should -Be 1
        $summary.Converted | Should -Be 2
        (Read-Journal $out | Where-Object event -EQ converted).source | Should -Contain "$sources${/}a.qed"
        Get-Fingerprint $out | Where-Object { $_ -like '*a.vhdx *' } | Should -Be $before
    }

    It 'neither takes a target that <Name> for done nor touches it nor deletes its source' -ForEach @(
        @{ Name = 'was cut off'; Make = { Convert-QedImage "$sources/a.qed" $target; Set-FileLength $target ((Get-Item -LiteralPath $target).Length / 2) } }
        @{ Name = 'holds another disk'; Make = { Convert-QedImage "$sources/base.qed" $target } }
        @{ Name = 'has another format'; Make = { Convert-QedImage "$sources/a.qed" $target -Format qcow2 } }
        @{ Name = 'is empty'; Make = { Set-FileLength $target 0 } }
    ) {
        $sources = New-SourceFolder
        $target = "$out${/}a.vhdx"
        & $Make
        $before = (Get-FileHash -LiteralPath $target).Hash
        $summary = Invoke-Migration $sources $out -Format vhdx -DeleteSource
        $LASTEXITCODE | Should -Be 4
        $summary.Left | Should -Be 1
        (Get-FileHash -LiteralPath $target).Hash | Should -Be $before
        "$sources/a.qed" | Should -Exist
        (Read-Journal $out | Where-Object event -EQ left).source | Should -Be "$sources${/}a.qed"
    }

    It 'goes on past an image that is in use, and does it the next time' {
        $sources = New-SourceFolder
        $handle = Open-ForWriting "$sources/a.qed"
        try {
            $summary = Invoke-Migration $sources $out -Format vhdx -DeleteSource
        }
        finally {
            $handle.Dispose()
        }
        $LASTEXITCODE | Should -Be 4
        $summary.Converted | Should -Be 2
        "$sources/a.qed" | Should -Exist
        $summary = Invoke-Migration $sources $out -Format vhdx -DeleteSource
        $LASTEXITCODE | Should -Be 0
        $summary.Converted | Should -Be 1
    }

    It 'reports a source that was written since it was converted, and keeps it' {
        $sources = New-SourceFolder
        $null = Invoke-Migration $sources $out -Format vhdx -Verify
        Copy-QedImageContent "$sources/a.qed" -Bytes (1..9) -Confirm:$false
        $summary = Invoke-Migration $sources $out -Format vhdx -DeleteSource
        $LASTEXITCODE | Should -Be 4
        $summary.Left | Should -Be 1
        (Get-ChildItem -LiteralPath $sources -Recurse -File).Name | Should -Be 'a.qed'
    }

    It 'leaves the second of two images that would get the same name' {
        $sources = New-Folder
        $null = New-FilledImage "$sources/a.qed"
        $null = New-QedImage "$sources/a.qcow2" 1MB
        $summary = Invoke-Migration $sources $out -Format vhdx -Filter '*.q*' -DeleteSource
        $LASTEXITCODE | Should -Be 4
        $summary.Converted | Should -Be 1
        $summary.Deleted | Should -Be 1
        (Get-ChildItem -LiteralPath $sources).Name | Should -HaveCount 1
    }

    Context '-DeleteSource' {
        It 'deletes what was verified, bases after their overlays, beside their targets' {
            $sources = New-SourceFolder
            $content = $names | ForEach-Object { (Get-QedImageHash -LiteralPath "$sources/$_.qed").Hash }
            $summary = Invoke-Migration $sources -Format qcow2 -DeleteSource
            $LASTEXITCODE | Should -Be 0
            $summary.Deleted | Should -Be 3
            Get-ChildItem -LiteralPath $sources -Recurse -Filter *.qed | Should -BeNullOrEmpty
            $names | ForEach-Object { (Get-QedImageHash -LiteralPath "$sources/$_.qcow2").Hash } | Should -Be $content
            (Read-Journal $sources | Where-Object event -EQ deleted).source | Should -HaveCount 3
        }

        It 'later compares what was not verified, and then keeps what reads differently' {
            $sources = New-SourceFolder
            $null = Invoke-Migration $sources $out -Format vhdx
            Convert-QedImage "$sources/base.qed" "$out/a.vhdx" -Force
            $summary = Invoke-Migration $sources $out -Format vhdx -DeleteSource
            $LASTEXITCODE | Should -Be 4
            $summary.Deleted | Should -Be 2
            (Get-ChildItem -LiteralPath $sources -Recurse -File).Name | Should -Be 'a.qed'
        }

        It 'later deletes what was verified although a guest has written the target since' {
            $sources = New-SourceFolder
            $null = Invoke-Migration $sources $out -Format vhdx -Verify
            Convert-QedImage "$sources/base.qed" "$out/a.vhdx" -Force
            $summary = Invoke-Migration $sources $out -Format vhdx -DeleteSource
            $LASTEXITCODE | Should -Be 0
            $summary.Deleted | Should -Be 3
        }

        It 'keeps an image on which another one rests, in a folder of -SearchPath, under whatever name' -Skip:(-not $IsLinux) {
            $sources = New-SourceFolder
            $link = "$(New-Folder)/link"
            $null = New-Item -ItemType SymbolicLink -Path $link -Target $sources
            $elsewhere = New-Folder
            $null = New-QedImage "$elsewhere/guest.qcow2" -BackingPath "$link/base.qed"
            $summary = Invoke-Migration $sources $out -Format vhdx -DeleteSource -SearchPath $elsewhere
            $LASTEXITCODE | Should -Be 4
            $summary.Deleted | Should -Be 2
            (Get-ChildItem -LiteralPath $sources -Recurse -File).Name | Should -Be 'base.qed'
            (Read-Journal $out | Where-Object event -EQ left).message | Should -BeLike "*guest.qcow2*"
        }

        It 'deletes nothing while there is an image that nobody can read' {
            $sources = New-SourceFolder
            [IO.File]::WriteAllBytes("$sources/broken.qed", [byte[]](1..100))
            $summary = Invoke-Migration $sources $out -Format vhdx -DeleteSource
            $LASTEXITCODE | Should -Be 4
            $summary.Converted | Should -Be 3
            $summary.Deleted | Should -Be 0
        }

        It 'keeps a file that has a further name' -Skip:(-not $IsLinux) {
            $sources = New-Folder
            $image = New-FilledImage "$sources/a.qed"
            $null = New-Item -ItemType HardLink -Path "$(New-Folder)/other.qed" -Target $image
            $null = Invoke-Migration $sources $out -Format vhdx -DeleteSource
            $LASTEXITCODE | Should -Be 4
            $image | Should -Exist
        }
    }
}
