# What people see: tables that fit, the same in Constrained Language Mode and of objects that came from elsewhere.

BeforeAll {
    . $PSScriptRoot/Support.ps1
}

Describe 'Views' {
    BeforeAll {
        $folder = New-Folder
        $base = New-FilledImage "$folder/base.qed" 4MB
        $overlay = (New-QedImage "$folder/overlay.qed" -BackingPath base.qed).Path
        $leaked = New-FilledImage "$folder/leaked.qed"
        Add-Leak $leaked 3
        $corrupt = New-FilledImage "$folder/corrupt.qed"
        Set-Corruption $corrupt
        $marked = New-FilledImage "$folder/marked.qed"
        Write-UInt64 $marked 16 2
        Convert-QedImage $base "$folder/a.raw"
        Convert-QedImage $base "$folder/fixed.vhd" -Subformat Fixed

        # All that the module shows, one kind after the other.
        $all = {
            Get-QedImageInfo -LiteralPath $base, $overlay, $marked | Out-String -Width $width
            Get-QedImageInfo -LiteralPath $overlay | Format-List | Out-String -Width $width
            Get-QedImageInfo -LiteralPath $base, $overlay | Format-Wide | Out-String -Width $width
            $checks = Test-QedImage -LiteralPath $base, $leaked, $corrupt, $marked, "$base.none" -IncludeFailed
            $checks | Out-String -Width $width
            $checks | Format-List -Property * -Exclude Duration | Out-String -Width $width
            $checks[2].Issues | Out-String -Width $width
            $compared = Compare-QedImage $base $leaked
            $compared | Out-String -Width $width
            $compared.Ranges | Out-String -Width $width
            Get-QedImageMap $overlay | Out-String -Width $width
            Measure-QedImage $base | Out-String -Width $width
            $server = Start-QedServer $overlay -ReadOnly -Port 20809
            ($server | Out-String -Width $width) -replace '(?m)^ *\d+ (?=running)'
            $server.Exports | Out-String -Width $width
            $server | Stop-QedServer
        }
        $variables = @{ base = $base; overlay = $overlay; leaked = $leaked; corrupt = $corrupt; marked = $marked; width = 80; all = "$all" }
        $shown = (Invoke-Session { & ([scriptblock]::Create($all)) } $variables).Output -join ''
    }

    It 'fit into <Width> columns, with names as long as they need' -ForEach @{ Width = 80; Name = 24 }, @{ Width = 120; Name = 64 } {
        $name = 'n' * ($Name - 4) + '.qed'
        $long = (New-QedImage "$folder/$name" 64TB -Force).Path
        $lines = @(Get-QedImageInfo $long; Test-QedImage $long | Out-Null) | Out-String -Width $Width
        $lines | Should -Match ([regex]::Escape($name))
        ($lines -split '\r?\n' | Where-Object { $_ -notlike '*Directory:*' } | Measure-Object Length -Maximum).Maximum | Should -BeLessOrEqual $Width
    }

    It 'tell what there is to know of an image: <Line>' -ForEach @(
        @{ Line = 'qed    dynamic         4 MiB'; Of = 'an image' }
        @{ Line = 'qed    differencing    4 MiB    4 KiB *overlay.qed -> base.qed'; Of = 'an overlay' }
        @{ Line = 'needs check marked.qed'; Of = 'an image that was not closed' }
        @{ Line = 'BackingFullPath : '; Of = 'a list' }
        @{ Line = 'Size            : 4 MiB (4,194,304 bytes)'; Of = 'a list' }
        @{ Line = 'Clean                    0      0 B  75 %    0 % base.qed'; Of = 'a check' }
        @{ Line = 'Leaked                   0  192 KiB'; Of = 'a check' }
        @{ Line = 'Clean, needs check       0'; Of = 'a check' }
        @{ Line = 'Failed * base.qed.none (ImageNotFound)'; Of = 'a check' }
        @{ Line = 'EntryBeyondEndOfFile *0x7fff0000 * 1 Clear'; Of = 'a finding' }
        @{ Line = 'different* base.qed <> leaked.qed'; Of = 'a comparison' }
        @{ Line = '0x0      0x100000    1 MiB Data            1'; Of = 'a map' }
        @{ Line = 'Unallocated*'; Of = 'a map' }
        @{ Line = 'at most *base.qed'; Of = 'a measure' }
        @{ Line = 'running       0         0      0 B      0 B nbd://127.0.0.1:20809/'; Of = 'a server' }
        @{ Line = '4 MiB read        overlay.qed *nbd://127.0.0.1:20809/'; Of = 'an export' }
    ) {
        $shown | Should -Match (([regex]::Escape($Line) -replace '\\\*', '.*') -replace '\\ ', ' ')
    }

    It 'are the same in Constrained Language Mode' {
        $constrained = Invoke-Session {
            $block = [scriptblock]::Create($all)
            $ExecutionContext.SessionState.LanguageMode = 'ConstrainedLanguage'
            & $block
        } $variables
        $constrained.Failure | Should -BeNullOrEmpty
        $constrained.Output -join '' | Should -Be $shown
    }

    It 'are the same of objects that came from another process: <_>' -ForEach 'Get-QedImageInfo', 'Test-QedImage', 'Get-QedImageMap', 'Measure-QedImage' {
        $live = & $_ -LiteralPath $overlay
        $there = [Management.Automation.PSSerializer]::Deserialize([Management.Automation.PSSerializer]::Serialize($live, 3))
        $there | Out-String -Width 100 | Should -Be ($live | Out-String -Width 100)
    }

    It 'add nothing to what scripts get' {
        foreach ($name in 'Get-QedImageInfo', 'Test-QedImage', 'Get-QedImageMap', 'Measure-QedImage') {
            $one = @(& $name -LiteralPath $overlay)[0]
            ($one | Select-Object *).psobject.Properties.Name -like '*Text' | Should -BeNullOrEmpty
            ($one | ConvertTo-Csv)[0] | Should -Not -BeLike '*Text*'
            ($one | Get-Member).Name -like '*Text' | Should -BeNullOrEmpty
        }
    }

    It 'colour what needs attention, where the host has colours' -Skip:(-not $PSStyle) {
        $script = { $PSStyle.OutputRendering = $rendering; Test-QedImage -LiteralPath $paths | Out-String -Width 80 }
        $colours = @{ paths = $base, $leaked, $corrupt; rendering = 'Ansi' }
        $ansi = (Invoke-Session $script $colours).Output -join ''
        $ansi | Should -Match "$([regex]::Escape($PSStyle.Formatting.Error))Corrupt"
        $ansi | Should -Match "$([regex]::Escape($PSStyle.Formatting.Warning))Leaked"
        $ansi | Should -Match '(?m)^Clean'
        $colours.rendering = 'PlainText'
        (Invoke-Session $script $colours).Output -join '' | Should -Not -Match ([char]27)
    }

    It 'show what a repair did' {
        Copy-Item -LiteralPath $leaked "$folder/mend.qed"
        $report = Repair-QedImage "$folder/mend.qed" -Confirm:$false
        $report | Should -BeOfType Qed.CheckReport
        $report | Out-String -Width 80 | Should -Match 'Repaired +1 +0 +0 B mend.qed.undo +mend.qed'
    }

    It 'head a folder once' {
        $text = Get-ChildItem -LiteralPath $folder -Filter *.qed | Get-QedImageInfo -ThrottleLimit 8 | Out-String -Width 80
        [regex]::Matches($text, 'Directory:').Count | Should -Be 1
        $text = Get-ChildItem -LiteralPath $folder -Filter *.qed | Where-Object Name -ne corrupt.qed | Measure-QedImage -Format qcow2 | Out-String -Width 80
        [regex]::Matches($text, 'Directory:').Count | Should -Be 1
    }
}

Describe 'Completion' {
    BeforeAll {
        $folder = New-Folder

        function Complete([string]$Line) { (TabExpansion2 $Line $Line.Length).CompletionMatches.CompletionText }
    }

    It 'knows the variants of formats' {
        Complete 'Convert-QedImage a.qed b.vmdk -Subformat ' | Sort-Object | Should -Be 'Dynamic', 'Fixed', 'StreamOptimized'
        Complete 'New-QedImage a -Subformat str' | Should -Be 'StreamOptimized'
    }

    It 'knows sizes of clusters, tables and sectors, and which formats have them' {
        Complete 'New-QedImage a.qed 1GB -ClusterSizeBytes ' | Should -Contain '64KB'
        Complete 'New-QedImage a.qed 1GB -TableSize ' | Sort-Object | Should -Be '1', '16', '2', '4', '8'
        Complete 'New-QedImage a.vhdx 1GB -TableSize ' | Should -Not -Contain '4'
        Complete 'New-QedImage a.vhdx 1GB -LogicalSectorSizeBytes ' | Sort-Object | Should -Be '4096', '512'
        Complete 'Repair-QedImage a.qed -Mode ' | Should -Be 'All', 'Leaks'
    }

    It 'knows the snapshots of the source' -Skip:(-not (Get-Command qemu-img -ErrorAction Ignore)) {
        $image = "$folder${/}snap.qcow2"
        & qemu-img create -q -f qcow2 $image 1M
        & qemu-img snapshot -c clean $image
        & qemu-img snapshot -c 'before update' $image
        Complete "Convert-QedImage '$image' b.qed -Snapshot " | Should -Be 'clean', "'before update'"
        Complete "Convert-QedImage '$folder/none.qcow2' b.qed -Snapshot cl" | Should -Not -Contain 'clean'
    }
}
