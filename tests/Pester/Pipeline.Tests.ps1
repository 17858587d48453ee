# What a pipeline of images promises: order, one answer each, rows for failures, whose error it is, -WhatIf.

BeforeAll {
    . $PSScriptRoot/Support.ps1
}

Describe 'Order' {
    BeforeAll {
        $folder = New-Folder
        $small = 1..300 | ForEach-Object { "$folder${/}s$_.qed" }
        $null = $small | New-QedImage -SizeBytes 1MB -ClusterSizeBytes 4096 -TableSize 2
        # Takes longer than those behind it.
        $large = New-FilledImage "$folder/large.qed" 4MB
        $endless = New-EndlessImage "$folder/endless.qed"
    }

    It 'is that of the images, however many are worked on at a time' {
        $paths = @($large) + $small[0..149] + $large + $small[150..299]
        (Test-QedImage -LiteralPath $paths -ThrottleLimit 8).Path | Should -Be $paths
        ($paths | Get-QedImageInfo -ThrottleLimit 8).Path | Should -Be $paths
    }

    It 'is that of errors too' {
        $paths = @($large, "$folder${/}none1.qed") + $small[0..50] + "$folder${/}none2.qed" + $small[51..99]
        $seen = $paths | Test-QedImage -ThrottleLimit 8 2>&1 | ForEach-Object { if ($_ -is [Management.Automation.ErrorRecord]) { $_.TargetObject } else { $_.Path } }
        $seen | Should -Be $paths
    }

    It 'makes results wait for those before them, unless -Unordered' {
        $out = New-Folder
        $variables = @{ endless = $endless; small = $small[0]; out = $out; extra = @{} }
        $session = Start-Session { $endless, $small | Convert-QedImage -DestinationPath $out -Format qed -PassThru -ThrottleLimit 2 @extra } $variables
        Wait-Until { Test-Path -LiteralPath "$out/s1.qed" }
        Start-Sleep -Milliseconds 300
        $session.Output.Count | Should -Be 0
        $session.Shell.Stop()
        $null = Complete-Session $session

        Remove-Item -LiteralPath "$out/s1.qed"
        $variables.extra = @{ Unordered = $true }
        $session = Start-Session { $endless, $small | Convert-QedImage -DestinationPath $out -Format qed -PassThru -ThrottleLimit 2 @extra } $variables
        Wait-Until { $session.Output.Count -gt 0 }
        $session.Output[0].Path | Should -Be "$out${/}s1.qed"
        $session.Shell.Stop()
        $null = Complete-Session $session
    }

    It 'costs no more memory the more images wait for one' {
        $assembly = [Qed.PowerShell.Commands.TestQedImageCommand].Assembly
        $type = $assembly.GetType('Qed.PowerShell.Pipeline.ResultQueue')
        $members = [Reflection.BindingFlags]'Instance, NonPublic'
        $most = $type.GetField('MostAhead', [Reflection.BindingFlags]'Static, NonPublic').GetRawConstantValue()
        $queue = [Activator]::CreateInstance($type, @($true))
        $words = New-RemedyTable ([Qed.PowerShell.Commands.TestQedImageCommand])
        $item = $assembly.GetType('Qed.PowerShell.Pipeline.WorkItem').GetConstructors($members)[0]
        foreach ($n in 1..($most + 10)) { $null = $type.GetMethod('Expect', $members).Invoke($queue, @($item.Invoke(@("$n", $words, $null)))) }
        $hasRoom = $type.GetMethod('HasRoomForOneMore', $members)
        # All that have come, less those that are not begun.
        $hasRoom.Invoke($queue, @(11)) | Should -BeTrue
        $hasRoom.Invoke($queue, @(10)) | Should -BeFalse
    }
}

Describe 'Test-QedImage -Quiet' {
    BeforeAll {
        $folder = New-Folder
        $clean = New-FilledImage "$folder/clean.qed"
        $leaked = New-FilledImage "$folder/leaked.qed"
        Add-Leak $leaked
        $other = "$folder${/}other.qcow2"
        Convert-QedImage $clean $other
        $held = New-FilledImage "$folder/held.qed"
        $orphan = (New-QedImage "$folder/orphan.qed" -BackingPath $clean).Path
        Set-QedBackingFile $orphan "$folder/gone.qed" -MetadataOnly -Confirm:$false
        $marked = New-FilledImage "$folder/marked.qed"
        Write-UInt64 $marked 16 2
    }

    It 'answers exactly once for each image, in their order, False and an error where it cannot be told' {
        $handle = Open-ForWriting $held
        try {
            $paths = $clean, $leaked, $other, $held, "$folder/none.qed", 'nodrive:\x.qed', $marked, $clean
            $answers = $paths | Test-QedImage -Quiet -ThrottleLimit 8 -ErrorAction SilentlyContinue -ErrorVariable failures
        }
        finally {
            $handle.Dispose()
        }
        $answers | Should -Be $true, $false, $false, $false, $false, $false, $true, $true
        $failures.TargetObject | Should -Be $other, $held, "$folder${/}none.qed", 'nodrive:\x.qed'
    }

    It 'answers for a chain as a whole' {
        Test-QedImage $orphan -Quiet | Should -BeTrue
        Test-QedImage $orphan -Quiet -BackingChain -ErrorAction SilentlyContinue -ErrorVariable failure | Should -BeFalse
        $failure[0].FullyQualifiedErrorId | Should -BeLike 'BackingFileMissing,*'
    }

    It 'can be asked in an if' {
        if (Test-QedImage "$folder/none.qed" -Quiet -ErrorAction SilentlyContinue) { throw 'There is no such image.' }
    }
}

Describe 'Test-QedImage on a folder of many sorts' {
    BeforeAll {
        $folder = New-Folder
        $clean = New-FilledImage "$folder/a.qed"
        foreach ($name in 'b.qcow2', 'c.vhdx', 'd.raw') { Convert-QedImage $clean "$folder/$name" }
        $broken = New-FilledImage "$folder/e.qed"
        Write-UInt64 $broken 40 12345
        $future = New-FilledImage "$folder/f.qed"
        Write-UInt64 $future 16 0x80
    }

    It 'passes over what has no tables to check with -SkipUnsupported, but over no QED image' {
        $found = Get-ChildItem -LiteralPath $folder | Test-QedImage -SkipUnsupported -ErrorAction SilentlyContinue -ErrorVariable failures
        Get-Name $found | Should -Be 'a'
        $failures.TargetObject | Should -Be $broken, $future
        $log = Test-QedImage "$folder/b.qcow2" -SkipUnsupported -Verbose 4>&1
        "$log" | Should -Be "Skipped '$folder${/}b.qcow2': its format is qcow2."
        Test-QedImage "$folder/b.qcow2" -SkipUnsupported -Quiet | Should -BeNullOrEmpty
    }

    It 'says what an image is that it cannot check' {
        (Get-Failure { Test-QedImage "$folder/b.qcow2" }).Exception.Message | Should -BeLike "*b.qcow2': the image's format is qcow2, and only QED *"
    }

    It 'has a row for each with -IncludeFailed, and no error' {
        $report = @(Get-ChildItem -LiteralPath $folder | Test-QedImage -IncludeFailed -SkipUnsupported -ErrorAction Stop) +
            @(Test-QedImage "$folder/none.qed" -IncludeFailed -ErrorAction Stop)
        $report.Name | Should -Be 'a.qed', 'e.qed', 'f.qed', 'none.qed'
        $report.Status | Should -Be 'Clean', 'Failed', 'Failed', 'Failed'
        $report.ErrorId | Should -Be $null, 'ImageCorrupt', 'UnsupportedFeature', 'ImageNotFound'
        $report[1].Message | Should -BeLike '*L1 table*'
        $report.IsClean | Should -Be $true, $false, $false, $false
        # What was not counted is not 0.
        foreach ($name in 'TotalClusters', 'LeakedClusters', 'LeakedBytes', 'Corruptions', 'FragmentationPercentage', 'FileSize', 'Duration') {
            $null -eq $report[1].$name | Should -BeTrue -Because $name
        }
        ($report | Measure-Object FileSize -Sum).Sum | Should -Be (Get-Item -LiteralPath $clean).Length
    }

    It 'does not do both at once' {
        { Test-QedImage $clean -Quiet -IncludeFailed } | Should -Throw -ErrorId 'AmbiguousParameterSet,*'
    }

    It 'tells the size of what it has checked' {
        $report = Test-QedImage $clean
        $report.Size | Should -Be 1MB
        $report.FileSize | Should -Be (Get-Item -LiteralPath $clean).Length
    }
}

Describe 'The target of an error' {
    BeforeAll {
        $folder = New-Folder
        $base = New-FilledImage "$folder/base.qed"
        $middle = (New-QedImage "$folder/middle.qed" -BackingPath $base).Path
        $top = (New-QedImage "$folder/top.qed" -BackingPath $middle).Path
        $taken = New-FilledImage "$folder/taken.qed"
        Remove-Item -LiteralPath $base
    }

    It 'is the image that was asked about, where another file is to blame: <Case>' -ForEach @(
        @{ Case = 'a link of its chain'; Act = { Test-QedImage $top -BackingChain }; Blamed = 'middle.qed' }
        @{ Case = 'its target'; Act = { Convert-QedImage $taken $middle }; Blamed = 'middle.qed' }
        @{ Case = 'itself'; Act = { Resize-QedImage $taken 1KB }; Blamed = 'taken.qed' }
    ) {
        $failure = @(Get-Failure $Act)[-1]
        $failure.TargetObject | Should -Be $(if ($Case -eq 'a link of its chain') { $top } else { $taken })
        $failure.Exception.Path | Should -Be "$folder${/}$Blamed"
    }
}

Describe '-WhatIf' {
    BeforeAll {
        $folder = New-Folder
        $image = New-FilledImage "$folder/image.qed"
        $other = "$folder${/}other.qcow2"
        Convert-QedImage $image $other
    }

    It 'refuses what would be refused: <Id> <Case>' -ForEach @(
        @{ Case = 'a new image over an old one'; Id = 'ImageExists'; Act = { New-QedImage $image 1GB -WhatIf } }
        @{ Case = 'a new image without a size'; Id = 'InvalidSize'; Act = { New-QedImage "$folder/n.qed" -WhatIf } }
        @{ Case = 'a new image in no folder'; Id = 'ImageNotFound'; Act = { New-QedImage "$folder/none/n.qed" 1MB -WhatIf } }
        @{ Case = 'a new image on nothing'; Id = 'BackingFileMissing'; Act = { New-QedImage "$folder/n.qed" -BackingPath "$folder/none.qed" -WhatIf } }
        @{ Case = 'a target that exists'; Id = 'ImageExists'; Act = { Convert-QedImage $image $other -WhatIf } }
        @{ Case = 'a source that does not'; Id = 'ImageNotFound'; Act = { Convert-QedImage "$folder/none.qed" "$folder/n.vhdx" -WhatIf } }
        @{ Case = 'a target that is the source'; Id = 'ImageExists'; Act = { Convert-QedImage $image $image -Force -WhatIf } }
        @{ Case = 'shrinking without consent'; Id = 'InvalidSize'; Act = { Resize-QedImage $image 512KB -WhatIf } }
        @{ Case = 'another format'; Id = 'UnsupportedFeature'; Act = { Set-QedBackingFile $other $image -WhatIf } }
        @{ Case = 'writing to another format'; Id = 'UnsupportedFeature'; Act = { Copy-QedImageContent $other -Bytes ([byte[]]1) -WhatIf } }
    ) {
        $before = Get-Fingerprint $folder
        (Get-Failure $Act).FullyQualifiedErrorId | Should -BeLike "$Id,*"
        Get-Fingerprint $folder | Should -Be $before
    }

    It 'says that something is replaced' {
        "$((Invoke-Session { New-QedImage $image 1GB -Force -WhatIf } @{ image = $image }).Host.Lines)" | Should -BeLike '*replacing the existing file*'
        "$((Invoke-Session { Convert-QedImage $image $other -Force -WhatIf } @{ image = $image; other = $other }).Host.Lines)" | Should -BeLike "*to '$other', replacing the existing file*"
        "$((Invoke-Session { Convert-QedImage $image "$image.vhdx" -WhatIf } @{ image = $image }).Host.Lines)" | Should -Not -BeLike '*replacing*'
    }

    It 'does not promise a change where there is none' {
        "$((Invoke-Session { Resize-QedImage $image 1MB -WhatIf } @{ image = $image }).Host.Lines)" | Should -BeLike '*Leave the disk at 1 MiB*'
    }

    It 'asks nothing about what would be refused' {
        $session = Invoke-Session { New-QedImage $image 1GB -Confirm 2>&1; Set-QedBackingFile $other $image 2>&1 } @{ image = $image; other = $other } -Answer 0
        $session.Host.Questions | Should -BeNullOrEmpty
        $session.Output.FullyQualifiedErrorId | Should -HaveCount 2
    }
}

Describe '-Debug alone' {
    It 'shows the log and asks nothing' {
        $image = New-FilledImage "$(New-Folder)/image.qed"
        $session = Invoke-Session { Test-QedImage $image -Debug; New-QedImage "$image.new" 1MB -Debug } @{ image = $image } -Answer 2
        $session.Failure | Should -BeNullOrEmpty
        $session.Host.Questions | Should -BeNullOrEmpty
        $session.Host.Lines -like "DEBUG: Checked '$image'*" | Should -HaveCount 1
        $session.Host.Lines -like "DEBUG: Created '$image.new'*" | Should -HaveCount 1
    }
}
