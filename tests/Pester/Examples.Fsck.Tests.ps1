BeforeDiscovery {
    $hasQemu = [bool](Get-Command qemu-io -ErrorAction Ignore)
}

BeforeAll {
    . $PSScriptRoot/Support.ps1
    $fsck = (Get-Item -LiteralPath $PSScriptRoot/../../examples/Invoke-QedFsck.ps1).FullName
    $module = Get-QedManifest

    function Invoke-Fsck {
        <# The summary; the exit code is in $LASTEXITCODE. #>
        & $fsck -Module $module -WarningAction SilentlyContinue @args
    }

    function Read-Log([string]$Path) {
        Get-Content -LiteralPath $Path | ForEach-Object { ConvertFrom-Json $_ }
    }

    function New-LeakedImage([string]$Path) {
        $image = New-FilledImage $Path
        Add-Leak $image
        $image
    }

    function New-CorruptImage([string]$Path) {
        $image = New-FilledImage $Path
        Set-Corruption $image
        $image
    }
}

Describe 'Invoke-QedFsck.ps1' {
    BeforeEach {
        $folder = New-Folder
        $log = "$(New-Folder)${/}log${/}fsck.jsonl"
    }

    Context 'ends with' {
        It '0 where all is well, also deep down, and counts' {
            $null = New-FilledImage "$folder/a.qed"
            $null = New-FilledImage "$(New-Item -ItemType Directory "$folder/x/[y]")/b.qed"
            $summary = Invoke-Fsck $folder
            $LASTEXITCODE | Should -Be 0
            $summary.ExitCode | Should -Be 0
            $summary.Images | Should -Be 2
            $summary.Clean | Should -Be 2
            $summary.Attention | Should -BeNullOrEmpty
        }

        It '0 for an image that was not closed cleanly and in which nothing is wrong' {
            Write-UInt64 (New-FilledImage "$folder/a.qed") 16 2
            $null = Invoke-Fsck $folder
            $LASTEXITCODE | Should -Be 0
        }

        It '1 where all errors were corrected, and keeps the way back' {
            $image = New-LeakedImage "$folder/a.qed"
            $before = (Get-FileHash -LiteralPath $image).Hash
            $summary = Invoke-Fsck $folder -Repair Leaks
            $LASTEXITCODE | Should -Be 1
            $summary.Repaired | Should -Be 1
            $summary.Attention[0].Path | Should -Be $image
            (Test-QedImage $image).Status | Should -Be 'Clean'
            Repair-QedImage $image -Undo -Confirm:$false
            (Get-FileHash -LiteralPath $image).Hash | Should -Be $before
        }

        It '4 where errors are left: by default nothing is changed' {
            $null = New-LeakedImage "$folder/leaked.qed"
            $null = New-CorruptImage "$folder/corrupt.qed"
            $before = Get-Fingerprint $folder
            $summary = Invoke-Fsck $folder
            $LASTEXITCODE | Should -Be 4
            $summary.Damaged | Should -Be 2
            Get-Fingerprint $folder | Should -Be $before
        }

        It '4 for an image whose header is broken' {
            $null = New-RawFile "$folder/a.qed"
            $null = Invoke-Fsck $folder -Repair All
            $LASTEXITCODE | Should -Be 4
        }

        It '5 where some were corrected and others left, as the policy says' {
            $null = New-LeakedImage "$folder/leaked.qed"
            $corrupt = New-CorruptImage "$folder/corrupt.qed"
            $before = (Get-FileHash -LiteralPath $corrupt).Hash
            $null = Invoke-Fsck $folder -Repair Leaks
            $LASTEXITCODE | Should -Be 5
            (Get-FileHash -LiteralPath $corrupt).Hash | Should -Be $before
            $null = Invoke-Fsck $folder -Repair All
            $LASTEXITCODE | Should -Be 1
            (Test-QedImage "$folder/*.qed").Status | Should -Be 'Clean', 'Clean'
        }

        It '8 for a folder that is not there, and checks the others; 12 with errors that are left' {
            $null = New-FilledImage "$folder/a.qed"
            $summary = Invoke-Fsck "$folder/none" $folder
            $LASTEXITCODE | Should -Be 8
            $summary.Clean | Should -Be 1
            $summary.Attention.Path | Should -Be "$folder${/}none"
            $null = New-LeakedImage "$folder/b.qed"
            $null = Invoke-Fsck "$folder/none" $folder
            $LASTEXITCODE | Should -Be 12
        }

        It '8 for a parameter that it does not know, so that a slip of the pen does not pass for a policy' {
            $null = New-LeakedImage "$folder/a.qed"
            $summary = Invoke-Fsck $folder -Repiar Leaks
            $LASTEXITCODE | Should -Be 12
            $summary.Repaired | Should -Be 0
        }

        It '8 where the hook fails, and the log has it' {
            $null = Invoke-Fsck $folder -LogPath $log -Hook { throw 'no mail today' }
            $LASTEXITCODE | Should -Be 8
            (Read-Log $log).message | Should -Contain 'The hook failed: no mail today'
        }

        It '8 where the log cannot be written' {
            Set-Content -LiteralPath "$folder/file" 'x'
            $null = Invoke-Fsck $folder -LogPath "$folder/file/fsck.jsonl"
            $LASTEXITCODE | Should -Be 8
        }
    }

    Context 'an image in use' {
        It 'is checked online and never repaired' -Skip:(-not $hasQemu) {
            $image = New-LeakedImage "$folder/used.qed"
            $before = (Get-FileHash -LiteralPath $image).Hash
            $start = [Diagnostics.ProcessStartInfo]::new('qemu-io', "-f qed $image")
            $start.RedirectStandardInput = $true
            $start.RedirectStandardOutput = $true
            $machine = [Diagnostics.Process]::Start($start)
            try {
                Wait-Until { (Get-QedImageInfo $image).InUse }
                foreach ($policy in 'None', 'All') {
                    $summary = Invoke-Fsck $folder -Repair $policy -LogPath $log
                    $summary.Online | Should -Be 1
                    $summary.Failed | Should -Be 0
                    $summary.Repaired | Should -Be 0
                }
                (Read-Log $log | Where-Object event -EQ image).online | Should -Be $true, $true
            }
            finally {
                $machine.StandardInput.Close()
                $machine.WaitForExit()
            }
            (Get-FileHash -LiteralPath $image).Hash | Should -Be $before
            "$image.undo" | Should -Not -Exist
        }

        It 'is no error where nothing is wrong with it' {
            $handle = Open-ForWriting (New-FilledImage "$folder/used.qed")
            try {
                $summary = Invoke-Fsck $folder -Repair All
                $LASTEXITCODE | Should -Be 0
                $summary.Online | Should -Be 1
                $summary.Clean | Should -Be 1
            }
            finally {
                $handle.Dispose()
            }
        }
    }

    It 'repairs again where the undo file of an earlier repair does not fit any more, and keeps that one' {
        $image = New-LeakedImage "$folder/a.qed"
        $null = Invoke-Fsck $folder -Repair Leaks
        $first = (Get-FileHash -LiteralPath "$image.undo").Hash
        Add-Leak $image 5
        $null = Invoke-Fsck $folder -Repair Leaks
        $LASTEXITCODE | Should -Be 1
        (Test-QedImage $image).Status | Should -Be 'Clean'
        (Get-FileHash -LiteralPath "$image.undo.old").Hash | Should -Be $first
        "$image.undo" | Should -Exist
    }

    It 'changes nothing under -WhatIf: no image, no log, no report, no call of the hook' {
        $null = New-LeakedImage "$folder/a.qed"
        $before = Get-Fingerprint $folder
        $null = Invoke-Fsck $folder -Repair All -LogPath $log -ReportPath "$folder/r.html" -Hook { Set-Content "$folder/hook" x } -WhatIf
        $LASTEXITCODE | Should -Be 4
        Get-Fingerprint $folder | Should -Be $before
        $log | Should -Not -Exist
    }

    It 'passes over images of other formats' {
        $null = New-FilledImage "$folder/a.qed"
        $null = New-QedImage "$folder/b.qcow2" 1MB
        $summary = Invoke-Fsck $folder -Filter '*.q*'
        $LASTEXITCODE | Should -Be 0
        $summary.Images | Should -Be 1
    }

    It 'writes a report on all images, over the one before' {
        $null = New-LeakedImage "$folder/leaked.qed"
        $null = New-FilledImage "$folder/clean.qed"
        foreach ($i in 1..2) { $summary = Invoke-Fsck $folder -ReportPath "$folder/report.html" }
        $summary.ReportPath | Should -Be "$folder${/}report.html"
        $page = Get-Content -LiteralPath "$folder/report.html" -Raw
        $page | Should -Match 'leaked\.qed'
        $page | Should -Match 'clean\.qed'
    }

    It 'gives the hook, a script or a script block, the summary' {
        $null = New-LeakedImage "$folder/a.qed"
        $script = "$(New-Folder)/hook.ps1"
        Set-Content -LiteralPath $script "param(`$Summary) [IO.File]::WriteAllText('$folder/told', `"`$(`$Summary.ExitCode) `$(`$Summary.Attention[0].Status)`")"
        $summary = Invoke-Fsck $folder -Hook $script
        Get-Content -LiteralPath "$folder/told" | Should -Be '4 Leaked'
        $summary | Should -HaveCount 1
        $seen = [Collections.Generic.List[object]]::new()
        $null = Invoke-Fsck $folder -Hook { param($told) $seen.Add($told) }
        $seen[0].Damaged | Should -Be 1
        $seen[0].Ended | Should -Not -BeNullOrEmpty
    }

    Context 'its log' {
        It 'has a line for the start, each image and the end, all of one run' {
            $image = New-LeakedImage "$folder/a.qed"
            $null = Invoke-Fsck $folder -LogPath $log -Repair Leaks
            $lines = @(Read-Log $log)
            $lines.event | Should -Be 'start', 'image', 'end'
            $lines.run | Sort-Object -Unique | Should -HaveCount 1
            $lines[0].process | Should -Be $PID
            $lines[1].path | Should -Be $image
            $lines[1].status | Should -Be 'Repaired'
            $lines[1].undoPath | Should -Be "$image.undo"
            $lines[1].firstChanges | Should -BeLike 'Reclaim 2 leaked clusters*'
            $lines[2].exitCode | Should -Be 1
        }

        It 'is rotated by size, and as many old ones are kept as are asked for' {
            foreach ($i in 1..30) { $null = New-QedImage "$folder/$i.qed" 1MB }
            $null = Invoke-Fsck $folder -LogPath $log -MaximumLogBytes 1KB -LogCount 3
            $LASTEXITCODE | Should -Be 0
            $files = Get-ChildItem -LiteralPath (Split-Path $log) -Filter 'fsck.jsonl*' -Exclude '*.lock' | Where-Object Name -NotLike *.lock
            $files.Name | Sort-Object | Should -Be 'fsck.jsonl', 'fsck.jsonl.1', 'fsck.jsonl.2', 'fsck.jsonl.3'
            $files.Length | Should -Not -BeGreaterThan 1024
            $kept = @("$log.3", "$log.2", "$log.1", $log | ForEach-Object { Read-Log $_ })
            $kept[-1].event | Should -Be 'end'
            $kept.time | Should -Be ($kept.time | Sort-Object)
        }

        It 'goes on behind half a line that a killed run has left' {
            $null = New-Item -ItemType Directory (Split-Path $log)
            [IO.File]::WriteAllText($log, '{"time":"2026-01')
            $null = Invoke-Fsck $folder -LogPath $log
            (Get-Content -LiteralPath $log | Select-Object -Skip 1 | ConvertFrom-Json).event | Should -Be 'start', 'end'
        }
    }

    Context 'run twice at once' {
        It 'does nothing the second time while the first holds the log, and says so, until that one ends or is killed' {
            $null = New-LeakedImage "$folder/a.qed"
            $hook = "$(New-Folder)/hook.ps1"
            Set-Content -LiteralPath $hook "Set-Content '$folder/ready' x; Start-Sleep 300"
            $first = Start-Script $fsck $folder, '-Module', $module, '-LogPath', $log, '-Hook', $hook
            try {
                Wait-Until { Test-Path -LiteralPath "$folder/ready" } -Seconds 600
                $said = Invoke-Fsck $folder -LogPath $log -Repair All 2>&1
                $LASTEXITCODE | Should -Be 8
                "$said" | Should -BeLike "Another run holds '$log.lock'*"
                (Test-QedImage "$folder/a.qed").Status | Should -Be 'Leaked'
            }
            finally {
                $first.Kill()
                $first.WaitForExit()
            }
            (Read-Log $log).event | Should -Be 'start', 'image'
            $null = Invoke-Fsck $folder -LogPath $log -Repair All
            $LASTEXITCODE | Should -Be 1
            (Read-Log $log).event | Should -Be 'start', 'image', 'start', 'image', 'end'
        }

        It 'with logs of their own, mends no image twice and loses nothing; what each took for in use, the next run mends' {
            $images = 1..8 | ForEach-Object { New-LeakedImage "$folder/$_.qed" }
            $content = ($images | Get-QedImageHash).Hash
            $runs = 1..2 | ForEach-Object { Start-Script $fsck $folder, '-Module', $module, '-LogPath', "$log$_", '-Repair', 'Leaks' }
            $runs | ForEach-Object { $_.WaitForExit() }
            # Whoever comes late finds nothing left to do, or images that the other one is checking or repairing.
            $runs.ExitCode | ForEach-Object { $_ | Should -BeIn 0, 1, 4, 5 }
            $null = Invoke-Fsck $folder -LogPath "${log}3" -Repair Leaks
            $LASTEXITCODE | Should -BeIn 0, 1
            $repaired = 1..3 | ForEach-Object { Read-Log "$log$_" } | Where-Object status -EQ Repaired
            $repaired.path | Sort-Object | Should -Be ($images | Sort-Object)
            ($images | Test-QedImage).Status | Sort-Object -Unique | Should -Be 'Clean'
            ($images | Get-QedImageHash).Hash | Should -Be $content
        }
    }
}
