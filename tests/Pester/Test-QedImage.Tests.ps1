BeforeDiscovery {
    $hasQemu = [bool](Get-Command qemu-img -ErrorAction Ignore)
}

BeforeAll {
    . $PSScriptRoot/Support.ps1
}

Describe 'Test-QedImage' {
    BeforeAll {
        $folder = New-Folder
        $clean = New-FilledImage "$folder/clean.qed"
        $leaked = New-FilledImage "$folder/leaked.qed"
        Add-Leak $leaked 3
        $corrupt = New-FilledImage "$folder/corrupt.qed"
        Set-Corruption $corrupt
        $broken = New-FilledImage "$folder/broken.qed"
        Write-UInt64 $broken 40 12345
        $raw = New-RawFile "$folder/plain.raw"
    }

    Context 'the report' {
        It 'counts the clusters of a sound image' {
            $report = Test-QedImage $clean
            $report | Should -BeOfType Qed.CheckReport
            $report.Path | Should -Be $clean
            $report.PSPath | Should -Be "Microsoft.PowerShell.Core\FileSystem::$clean"
            $report.Status | Should -Be 'Clean'
            $report.IsClean | Should -BeTrue
            $report.NeedsCheck | Should -BeFalse
            # 1 MiB of which a quarter is zero.
            $report.TotalClusters | Should -Be 16
            $report.AllocatedClusters | Should -Be 12
            $report.ZeroClusters | Should -Be 0
            $report.FragmentedClusters | Should -Be 0
            $report.FragmentationPercentage | Should -Be 0
            $report.LeakedClusters | Should -Be 0
            $report.LeakedBytes | Should -Be 0
            $report.Corruptions | Should -Be 0
            $report.Issues | Should -BeNullOrEmpty
            $report.Duration | Should -BeGreaterThan ([timespan]::Zero)
        }

        It 'has the types that scripts rely on' {
            $report = Test-QedImage $leaked
            $report.Status | Should -BeOfType Qed.CheckStatus
            $report.LeakedBytes | Should -BeOfType uint64
            $report.Duration | Should -BeOfType timespan
            $report.Issues[0] | Should -BeOfType Qed.CheckIssue
            $report.Issues[0].HostOffset | Should -BeOfType uint64
            foreach ($name in 'TotalClusters', 'AllocatedClusters', 'ZeroClusters', 'FragmentedClusters', 'LeakedClusters', 'Corruptions') {
                $report.$name | Should -BeOfType long -Because $name
            }
        }

        It 'tells leaked space from lost data' {
            $report = Test-QedImage $leaked
            $report.Status | Should -Be 'Leaked'
            $report.IsClean | Should -BeFalse
            $report.LeakedClusters | Should -Be 3
            $report.LeakedBytes | Should -Be 192KB
            $report.Corruptions | Should -Be 0
            $report.Issues | Should -HaveCount 1
            $report.Issues[0].Kind | Should -Be 'LeakedClusters'
            $report.Issues[0].Clusters | Should -Be 3
            $report.Issues[0].HostOffset | Should -Be ((Get-Item -LiteralPath $leaked).Length - 192KB)
            $report.Issues[0].L1Index | Should -BeNullOrEmpty
            $report.Issues[0].GuestOffset | Should -BeNullOrEmpty
        }

        It 'says where a table is wrong and what a repair would do' {
            $report = Test-QedImage $corrupt
            $report.Status | Should -Be 'Corrupt'
            $report.IsClean | Should -BeFalse
            $report.Corruptions | Should -Be 1
            $issue = $report.Issues[0]
            $issue.Kind | Should -Be 'EntryBeyondEndOfFile'
            $issue.L1Index | Should -Be 0
            $issue.L2Index | Should -Be 0
            $issue.GuestOffset | Should -Be 0
            $issue.HostOffset | Should -Be 0x7fff0000
            $issue.Repair | Should -Not -BeNullOrEmpty
            "$issue" | Should -Be 'EntryBeyondEndOfFile: L1 entry 0, L2 entry 0'
        }

        It 'finds a cluster that two entries share' {
            $shared = New-FilledImage "$folder/shared.qed"
            $table = Get-UInt64 $shared (Get-UInt64 $shared 40)
            Write-UInt64 $shared ($table + 8) (Get-UInt64 $shared $table)
            $report = Test-QedImage $shared
            $report.Status | Should -Be 'Corrupt'
            $report.Issues.Kind | Should -Contain 'DataReferencedTwice'
            $report.LeakedClusters | Should -Be 1
        }

        It 'counts zero clusters and fragments' {
            $mixed = New-FilledImage "$folder/mixed.qed"
            $table = Get-UInt64 $mixed (Get-UInt64 $mixed 40)
            $first = Get-UInt64 $mixed $table
            $second = Get-UInt64 $mixed ($table + 8)
            Write-UInt64 $mixed $table $second, $first
            Write-UInt64 $mixed ($table + 5 * 8) 1
            $report = Test-QedImage $mixed
            $report.ZeroClusters | Should -Be 1
            $report.FragmentedClusters | Should -BeGreaterThan 0
            $report.FragmentationPercentage | Should -Be ([Math]::Round(100 * $report.FragmentedClusters / $report.AllocatedClusters, 2))
            $report.IsClean | Should -BeTrue
        }

        It 'says that an image was not closed cleanly' {
            $dirty = New-FilledImage "$folder/dirty.qed"
            Write-UInt64 $dirty 16 2
            $report = Test-QedImage $dirty
            $report.NeedsCheck | Should -BeTrue
            $report.Status | Should -Be 'Clean'
        }
    }

    Context '-Quiet' {
        It 'answers with a Boolean' {
            $answer = Test-QedImage $clean -Quiet
            $answer | Should -BeOfType bool
            $answer | Should -BeTrue
        }

        It 'answers no for an image that is <_>' -ForEach 'leaked', 'corrupt', 'broken' {
            Test-QedImage "$folder/$_.qed" -Quiet -ErrorAction Stop | Should -BeFalse
        }

        It 'answers no for a file that only has the name' {
            Copy-Item -LiteralPath $raw "$folder/named.qed"
            Test-QedImage "$folder/named.qed" -Quiet -ErrorAction Stop | Should -BeFalse
        }

        It 'gives an error, and the answer no, for what is not there' {
            $failure = Get-Failure { Test-QedImage "$folder/none.qed" -Quiet | Should -BeFalse }
            $failure.FullyQualifiedErrorId | Should -BeLike 'ImageNotFound,*'
        }

        It 'answers once for each image, in order' {
            $clean, $leaked, $clean, $corrupt | Test-QedImage -Quiet | Should -Be $true, $false, $true, $false
        }
    }

    Context '-BackingChain' {
        BeforeAll {
            $onLeaked = (New-QedImage "$folder/onleaked.qed" -BackingPath $leaked).Path
            $onRaw = (New-QedImage "$folder/onraw.qed" -BackingPath $raw).Path
        }

        It 'reports each QED image of the chain, from the top down' {
            $reports = Test-QedImage $onLeaked -BackingChain
            $reports.Path | Should -Be $onLeaked, $leaked
            $reports.Status | Should -Be 'Clean', 'Leaked'
        }

        It 'looks at the one image alone without it' {
            (Test-QedImage $onLeaked).Path | Should -Be $onLeaked
            Test-QedImage $onLeaked -Quiet | Should -BeTrue
        }

        It 'answers for the whole chain with -Quiet' {
            Test-QedImage $onLeaked -BackingChain -Quiet | Should -BeFalse
            Test-QedImage $onRaw -BackingChain -Quiet | Should -BeTrue
        }

        It 'passes over what has no tables, and says so' {
            $found = Test-QedImage $onRaw -BackingChain -Verbose 4>&1
            ($found | Where-Object { $_ -is [Qed.CheckReport] }).Path | Should -Be $onRaw
            ($found | Where-Object { $_ -is [Management.Automation.VerboseRecord] }).Message | Should -Contain "'$raw' has the format raw, which has no tables to check."
        }

        It 'reports a backing file that is missing, after the links before it' {
            $middle = (New-QedImage "$folder/middle.qed" 1MB).Path
            $leaf = (New-QedImage "$folder/leaf.qed" -BackingPath $middle).Path
            Remove-Item -LiteralPath $middle
            $reports = Test-QedImage $leaf -BackingChain -ErrorAction SilentlyContinue -ErrorVariable failures
            $reports.Path | Should -Be $leaf
            $failures.FullyQualifiedErrorId | Should -BeLike 'BackingFileMissing,*'
        }
    }

    It 'names the format of an image that has no such tables' {
        $failure = Get-Failure { Test-QedImage $raw }
        $failure.FullyQualifiedErrorId | Should -BeLike 'UnsupportedFeature,*'
        $failure.TargetObject | Should -Be $raw
    }

    It 'checks the others where one cannot be checked' {
        $reports = $clean, "$folder/none.qed", $broken, $leaked | Test-QedImage -ErrorAction SilentlyContinue -ErrorVariable failures
        $reports.Path | Sort-Object | Should -Be $clean, $leaked
        ($failures.FullyQualifiedErrorId -replace ',.*' | Sort-Object) | Should -Be 'ImageCorrupt', 'ImageNotFound'
    }

    It 'changes nothing' {
        $before = Get-Fingerprint $folder
        $null = Test-QedImage "$folder/*" -BackingChain -ErrorAction Ignore
        Get-Fingerprint $folder | Should -Be $before
        Get-OpenFile $folder | Should -BeNullOrEmpty
    }

    It 'shows the log of the engine' {
        $log = Test-QedImage $leaked -Verbose 4>&1 | Where-Object { $_ -is [Management.Automation.VerboseRecord] }
        "$log" | Should -Match ([regex]::Escape("Checked '$leaked' in ") + '\d+ ms: 0 corruptions, 3 leaked clusters\.')
    }

    It 'finds the reports of bad images with Where-Object' {
        (Get-ChildItem -LiteralPath $folder -Filter *.qed | Test-QedImage -ErrorAction Ignore | Where-Object Status -EQ Leaked).Path | Should -Contain $leaked
    }

    Context 'shown to a person' {
        It 'has a table, grouped by folder' {
            $text = $clean, $leaked | Test-QedImage -ThrottleLimit 1 | Out-String -Width 120
            $text -replace '\s' | Should -Match ([regex]::Escape("Directory:$folder" -replace '\s'))
            $text | Should -Match 'Clean\s+0\s+0 B\s+75 %\s+0 % clean\.qed'
            $text | Should -Match 'Leaked\s+0\s+192 KiB\s+75 %\s+0 % leaked\.qed'
        }

        It 'has a list with all counts' {
            $text = Test-QedImage $leaked | Format-List | Out-String -Width 120
            $text | Should -Match 'LeakedClusters\s+: 3 \(192 KiB\)'
            $text | Should -Match 'FragmentedClusters\s+: 0 \(0 %\)'
            $text | Should -Match 'Issues\s+: 1 LeakedClusters'
        }

        It 'has a table of issues, empty where there is nothing to say' {
            $text = (Test-QedImage $corrupt).Issues | Out-String -Width 140
            $text | Should -Match 'EntryBeyondEndOfFile\s+0\s+0\s+0x0\s+0x7fff0000\s+1 Clear the entry'
            $text | Should -Match 'LeakedClusters\s+0x[1-9a-f]'
            $text | Should -Not -Match '0x\s'
        }
    }

    It 'finds what qemu-img finds' -Skip:(-not $hasQemu) {
        foreach ($path in $clean, $leaked, $corrupt) {
            $theirs = & qemu-img check --output=json $path | ConvertFrom-Json
            $report = Test-QedImage $path
            $report.Corruptions | Should -Be ([int]$theirs.corruptions)
            $report.LeakedClusters | Should -Be ([int]$theirs.leaks)
            $report.AllocatedClusters + $report.Corruptions | Should -Be $theirs.'allocated-clusters'
        }
    }
}
