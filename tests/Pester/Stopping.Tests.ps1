# What holds when a command ends before its work does, and while it lasts: handles, leftovers, progress.

BeforeDiscovery {
    $canSignal = $IsLinux -and (Get-Command env -CommandType Application -ErrorAction Ignore) -and ((& env --help) -match '--default-signal')
    $cases = @(
        @{ Name = 'a conversion that writes'; Script = { Convert-QedImage $endless "$out/x.raw" } }
        @{ Name = 'a conversion that compares'; Script = { Convert-QedImage $endless "$out/x.qed" -BackingPath $copy } }
        @{ Name = 'several conversions'; Script = { $endless, $copy | Convert-QedImage -DestinationPath $out -Format qed -ThrottleLimit 2 } }
        @{ Name = 'a search for the last data'; Script = { Resize-QedImage $endless -ToMinimumSize -Confirm:$false } }
    )
}

BeforeAll {
    . $PSScriptRoot/Support.ps1

    function Measure-Ending([scriptblock]$Action) {
        <# Seconds that an action takes. A busy machine gets two more chances. #>
        $best = 1..3 | ForEach-Object {
            $seconds = & $Action
            $seconds
            if ($seconds -lt 1) { break }
        } | Measure-Object -Minimum
        $best.Minimum
    }
}

Describe 'Stopping' {
    BeforeAll {
        $folder = New-Folder
        $endless = New-EndlessImage "$folder/endless.qed"
        $copy = Copy-Item -LiteralPath $endless "$folder/copy.qed" -PassThru | ForEach-Object FullName
        $small = New-FilledImage "$folder/small.qed"
        $before = Get-Fingerprint $folder
    }

    BeforeEach {
        $out = New-Folder
    }

    AfterEach {
        Get-OpenFile $folder | Should -BeNullOrEmpty
        Get-OpenFile $out | Should -BeNullOrEmpty
        Get-ChildItem -LiteralPath $out -Filter *.partial | Should -BeNullOrEmpty
        Get-Fingerprint $folder | Should -Be $before
    }

    Context 'Ctrl+C' {
        It 'ends <Name> within a second, and nothing is left of it' -ForEach $cases {
            Measure-Ending {
                $session = Start-Session $Script @{ endless = $endless; copy = $copy; out = $out }
                Wait-Until { $session.Host.Progress }
                $clock = [Diagnostics.Stopwatch]::StartNew()
                $session.Shell.Stop()
                $clock.Elapsed.TotalSeconds
                # Before the session is closed, which might do it as well.
                Get-OpenFile $folder | Should -BeNullOrEmpty
                Get-ChildItem -LiteralPath $out | Should -BeNullOrEmpty
                (Complete-Session $session).Errors | Should -BeNullOrEmpty
            } | Should -BeLessThan 1
        }

        It 'leaves an image that was being made independent on its old backing file, sound' {
            $top = (New-QedImage "$out/top.qed" -BackingPath $endless).Path
            $session = Start-Session { Set-QedBackingFile $top -None -Confirm:$false } @{ top = $top }
            Wait-Until { $session.Host.Progress }
            $session.Shell.Stop()
            $null = Complete-Session $session
            (Get-QedImageInfo $top).BackingFullPath | Should -Be $endless
            $report = Test-QedImage $top
            $report.IsClean | Should -BeTrue
            $report.NeedsCheck | Should -BeFalse
        }

        It 'starts none of the images that still wait' {
            $session = Start-Session {
                @($endless) + @($small) * 20 | Convert-QedImage -DestinationPath { "$out/$([guid]::NewGuid()).raw" } -ThrottleLimit 1
            } @{ endless = $endless; small = $small; out = $out }
            Wait-Until { $session.Host.Progress }
            $session.Shell.Stop()
            $null = Complete-Session $session
            Get-ChildItem -LiteralPath $out | Should -BeNullOrEmpty
        }

        It 'ends a process of its own that is interrupted' -Skip:(-not $canSignal) {
            Set-Content -LiteralPath "$out/convert.ps1" "Import-Module '$(Get-QedManifest)'; Convert-QedImage '$endless' '$out/x.raw'; 'survived' > '$out/survived'"
            Measure-Ending {
                # A shell may have let its background jobs, and all that they start, ignore the signal.
                $child = Start-Process env -PassThru -ArgumentList @(
                    '--default-signal=INT'; Get-PowerShellCommand; '-NoProfile', '-NonInteractive', '-File', "$out/convert.ps1")
                try {
                    Wait-Until { Test-Path "$out/x.raw.*.partial" }
                    Start-Sleep -Milliseconds 200
                    $clock = [Diagnostics.Stopwatch]::StartNew()
                    & kill -INT $child.Id
                    $child.WaitForExit(20000) | Should -BeTrue
                    $clock.Elapsed.TotalSeconds
                }
                finally {
                    if (-not $child.HasExited) { $child.Kill() }
                }
                (Get-ChildItem -LiteralPath $out).Name | Should -Be 'convert.ps1'
            } | Should -BeLessThan 1
        }
    }

    Context 'an end that others bring about' {
        It 'comes at once with Select-Object -First 1' {
            Measure-Ending {
                $clock = [Diagnostics.Stopwatch]::StartNew()
                $first = $small, $endless | Convert-QedImage -DestinationPath $out -Format raw -Force -PassThru -ThrottleLimit 2 | Select-Object -First 1
                $clock.Elapsed.TotalSeconds
                $first.Path | Should -Be "$out/small.raw"
                Get-OpenFile $folder | Should -BeNullOrEmpty
            } | Should -BeLessThan 1
            (Get-ChildItem -LiteralPath $out).Name | Should -Be 'small.raw'
        }

        It 'comes at once with -ErrorAction Stop' {
            Measure-Ending {
                $clock = [Diagnostics.Stopwatch]::StartNew()
                { "$folder/none.qed", $endless | Convert-QedImage -DestinationPath $out -Format raw -ThrottleLimit 2 -ErrorAction Stop } |
                    Should -Throw -ErrorId 'ImageNotFound,*'
                $clock.Elapsed.TotalSeconds
                Get-OpenFile $folder | Should -BeNullOrEmpty
                Get-ChildItem -LiteralPath $out | Should -BeNullOrEmpty
            } | Should -BeLessThan 1
        }

        It 'comes at once where a later command fails' {
            {
                $small, $endless | Convert-QedImage -DestinationPath $out -Format raw -PassThru -ThrottleLimit 2 | ForEach-Object { throw 'enough' }
            } | Should -Throw 'enough'
            (Get-ChildItem -LiteralPath $out).Name | Should -Be 'small.raw'
        }

        It 'comes at once where an earlier command fails' {
            {
                & { $endless; Start-Sleep -Milliseconds 500; throw 'enough' } | Convert-QedImage -DestinationPath "$out/x.raw"
            } | Should -Throw 'enough'
            Get-ChildItem -LiteralPath $out | Should -BeNullOrEmpty
        }

        It 'comes at once for <_> -First 1' -ForEach 'Get-QedImageInfo', 'Test-QedImage' {
            $paths = @($small) * 500
            ($paths | & $_ | Select-Object -First 1).Path | Should -Be $small
            Get-OpenFile $folder | Should -BeNullOrEmpty
        }
    }

    It 'shows each result as soon as it is known' {
        $session = Start-Session { $endless, $small | Convert-QedImage -DestinationPath $out -Format qed -PassThru -ThrottleLimit 2 } @{ endless = $endless; small = $small; out = $out }
        Wait-Until { $session.Output.Count -gt 0 }
        $session.Running.IsCompleted | Should -BeFalse
        $session.Output[0].Path | Should -Be "$out/small.qed"
        $session.Shell.Stop()
        $null = Complete-Session $session
    }
}

Describe 'Progress' {
    BeforeAll {
        $folder = New-Folder
        $image = New-EndlessImage "$folder/long.qed" 8GB
        $copy = Copy-Item -LiteralPath $image "$folder/copy.qed" -PassThru | ForEach-Object FullName
        $endless = New-EndlessImage "$folder/endless.qed"
        $session = Invoke-Session { Convert-QedImage $image "$folder/x.qed" -BackingPath $copy } @{ image = $image; copy = $copy; folder = $folder }
        $shown = $session.Host.Progress
        $updates = $shown.Where({ -not $_.IsCompleted })
    }

    It 'tells what is done to which image, how much, of how much, and how fast' {
        $session.Failure | Should -BeNullOrEmpty
        $updates | Should -Not -BeNullOrEmpty
        foreach ($update in $updates) {
            $update.Activity | Should -Be 'Converting long.qed'
            $update.Status | Should -Match '^[\d.]+ [KMG]iB of 8 GiB, [\d.]+ [KMG]iB/s$'
            $update.PercentComplete | Should -BeIn (0..100)
        }
        $updates.PercentComplete | Should -Be ($updates.PercentComplete | Sort-Object)
        $updates[-1].SecondsRemaining | Should -BeGreaterOrEqual 0
    }

    It 'changes at most four times a second' {
        for ($i = 4; $i -lt $updates.Count; $i++) {
            ($updates[$i].Time - $updates[$i - 4].Time).TotalSeconds | Should -BeGreaterThan 0.9
        }
    }

    It 'is completed once, at the end' {
        $shown.Where({ $_.IsCompleted }) | Should -HaveCount 1
        $shown[-1].IsCompleted | Should -BeTrue
        $shown.ActivityId | Sort-Object -Unique | Should -HaveCount 1
    }

    It 'is not shown for what takes no time' {
        $quick = Invoke-Session { Get-QedImageInfo $image; Test-QedImage $copy; New-QedImage "$folder/n.qed" 1MB } @{ image = $image; copy = $copy; folder = $folder }
        $quick.Host.Progress | Should -BeNullOrEmpty
    }

    It 'has a bar for each image that is worked on' {
        $several = Start-Session { $endless, $image | Convert-QedImage -DestinationPath { "$folder/$([guid]::NewGuid()).qed" } -BackingPath $copy -ThrottleLimit 2 } @{
            endless = $endless; image = $image; copy = $copy; folder = $folder
        }
        Wait-Until { @($several.Host.Progress.Activity | Sort-Object -Unique).Count -eq 2 }
        $several.Host.Progress.ActivityId | Sort-Object -Unique | Should -HaveCount 2
        $several.Shell.Stop()
        $null = Complete-Session $several
    }

    It 'is completed as well where <Name> ends the work early' -ForEach @(
        @{ Name = '-ErrorAction Stop'; Script = { & { $endless; Start-Sleep 1; 'none.qed' } | Convert-QedImage -DestinationPath { "$folder/$([guid]::NewGuid()).qed" } -BackingPath $copy -ThrottleLimit 2 -ErrorAction Stop } }
        @{ Name = 'Select-Object -First 1'; Script = { & { $endless; Start-Sleep 1; $copy } | Convert-QedImage -DestinationPath { "$folder/$([guid]::NewGuid()).qed" } -BackingPath $image -PassThru -ThrottleLimit 2 | Select-Object -First 1 } }
    ) {
        $early = Invoke-Session $Script @{ endless = $endless; image = $image; copy = $copy; folder = $folder }
        foreach ($bar in $early.Host.Progress | Group-Object ActivityId) {
            $bar.Group[-1].IsCompleted | Should -BeTrue
        }
        $early.Host.Progress | Should -Not -BeNullOrEmpty
    }

    It 'is completed as well where Ctrl+C ends the work' {
        $stopped = Start-Session { Convert-QedImage $endless "$folder/y.qed" -BackingPath $copy } @{ endless = $endless; copy = $copy; folder = $folder }
        Wait-Until { $stopped.Host.Progress }
        $stopped.Shell.Stop()
        $null = Complete-Session $stopped
        $stopped.Host.Progress[-1].IsCompleted | Should -BeTrue
    }
}
