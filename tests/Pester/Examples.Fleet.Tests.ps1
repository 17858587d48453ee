# Many hosts, over real SSH: three of them on this machine. See tests/Fleet/TestFleet.ps1.

BeforeDiscovery {
    # In CI these programs are part of what is tested; elsewhere they may be missing.
    $isThere = (Get-Command ssh-keygen -ErrorAction Ignore) -and (Get-Command sshd, /usr/sbin/sshd -ErrorAction Ignore)
    $skip = -not $IsLinux -or (-not $isThere -and -not $env:CI)
}

Describe 'Invoke-QedFleet.ps1' -Skip:$skip {
    BeforeAll {
        . $PSScriptRoot/Support.ps1
        . $PSScriptRoot/../Fleet/TestFleet.ps1
        $script = (Get-Item -LiteralPath $PSScriptRoot/../../examples/Invoke-QedFleet.ps1).FullName
        $folder = New-Folder
        $fleet = New-TestFleet $folder 3
        $hosts = $fleet.Hosts
        $connection = Get-TestConnection $fleet
        $names = $hosts.Name
        $sessions = New-PSSession -HostName $names @connection | Sort-Object ComputerName

        $images = "$folder${/}images"
        $null = New-Item -ItemType Directory -Path "$images/below" -Force
        $null = New-FilledImage "$images/1.qed"
        2..8 | ForEach-Object { Copy-Item -LiteralPath "$images/1.qed" -Destination "$images/$_.qed" }
        $all = 1..8 | ForEach-Object { "$images${/}$_.qed" }
    }

    AfterAll {
        if ($fleet) { Remove-TestFleet $fleet }
    }

    It 'says of a host that it lacks the module, and lists its images as not done' {
        $rows = & $script -Session $sessions[0] -Path "$images/*.qed" -ErrorVariable failures -ErrorAction SilentlyContinue
        $failures | Should -HaveCount 1
        $failures[0].FullyQualifiedErrorId | Should -Be 'ModuleMissing,Invoke-QedFleet.ps1'
        $failures[0].TargetObject | Should -Be $names[0]
        "$($failures[0])" | Should -BeLike "Host '$($names[0])': the module Qed is not installed there.*none of its images is done."
        $rows | ForEach-Object { "$($_.PSComputerName) $($_.Path) $($_.ErrorId)" } | Should -Be "$($names[0]) $images/*.qed NotDone"
    }

    It 'brings the module along with -InstallModule, and the reports of all hosts with all that they tell' {
        $damaged = New-FilledImage "$images/below/leaking.qed"
        Add-Leak $damaged 3
        Set-Content -LiteralPath "$images/below/none.qed" -Value 'no image'
        $reports = & $script -Session $sessions -Path $images -Filter *.qed -Recurse -InstallModule -ErrorVariable failures -ErrorAction SilentlyContinue
        $failures | ForEach-Object { "$($_.FullyQualifiedErrorId) $($_.TargetObject)" } |
            Should -Be (@("ImageNotRecognized,Qed.PowerShell.Commands.TestQedImageCommand $images/below/none.qed") * 3)
        foreach ($name in $names) {
            "$failures" | Should -BeLike "*``[$name``] '$images${/}below${/}none.qed'*"
            $own = $reports | Where-Object PSComputerName -eq $name | Sort-Object Path
            $own.Path | Should -Be ($all + $damaged)
            $own.Status | Should -Be ((@('Clean') * 8) + 'Leaked')
            $own[0].PSObject.TypeNames[0] | Should -Be 'Deserialized.Qed.CheckReport'
            $own[0].AllocatedClusters | Should -Be 12
            $own[8].LeakedBytes | Should -Be 192KB
            $own[8].Issues.Kind | Should -Be 'LeakedClusters'
            $own[8].Issues.Clusters | Should -Be 3
        }
        # The hosts share their disk with this one, so the paths mean the same here.
        $here = $reports | Where-Object PSComputerName -eq $names[2] | Test-QedImage
        $here | Where-Object IsClean -ne $true | ForEach-Object Path | Should -Be $damaged
    }

    It 'makes one error of a host that dies and of one that falls silent, lists what they have not done, and goes on with the others, as slow as they are' {
        # Slow enough that each host still has work when its first result is here.
        $slow = @{ ThrottleLimit = 1; MaximumBytesPerSecond = 1MB }
        # Takes longer than the time-out, and is in no danger from it: its tables have 10 MB, and their check shows how far it is.
        $long = (New-QedImage "$(New-Folder)/long.qed" 80GB).Path
        0..39 | ForEach-Object { Copy-QedImageContent $long -Offset ($_ * 2GB) -Bytes 1 -Confirm:$false }
        $rows = [Collections.Generic.List[psobject]]::new()
        & $script -Session $sessions -Path "$images/*.qed", $long -Parameter $slow -TimeoutSeconds 8 -ErrorVariable failures -ErrorAction SilentlyContinue | ForEach-Object {
            $rows.Add($_)
            if ($_.ErrorId) { return }
            $ofHost = @($rows | Where-Object PSComputerName -eq $_.PSComputerName).Count
            if ($ofHost -eq 1 -and $_.PSComputerName -eq $names[0]) { Stop-TestHost $hosts[0] }
            if ($ofHost -eq 1 -and $_.PSComputerName -eq $names[1]) { Suspend-TestHost $hosts[1] }
        }
        $failures.FullyQualifiedErrorId | Sort-Object | Should -Be 'HostLost,Invoke-QedFleet.ps1', 'HostTimedOut,Invoke-QedFleet.ps1'
        $failures | Sort-Object FullyQualifiedErrorId | ForEach-Object TargetObject | Should -Be $names[0, 1]
        foreach ($name in $names) {
            $own = $rows | Where-Object PSComputerName -eq $name
            $own.Path | Sort-Object | Should -Be (@($all) + $long | Sort-Object) -Because 'each image of a host has a result or is listed, and none is both'
            $left = @($own | Where-Object ErrorId -eq 'NotDone')
            if ($name -eq $names[2]) { $left | Should -BeNullOrEmpty; continue }
            $left.Count | Should -BeIn (1..8)
            "$($failures.Where({ $_.TargetObject -eq $name }))" | Should -BeLike "Host '$name': *$($left.Count) of its 9 images are not done."
        }
        $rows | Export-QedReport "$folder/page.html"
        $page = Get-Content -LiteralPath "$folder/page.html" -Raw
        [regex]::Matches($page, "on $([regex]::Escape($names[1]))</span>").Count | Should -BeGreaterThan 8
        $page | Should -BeLike '*Not done: it has sent nothing for 8 seconds*'
        Set-Variable -Scope 1 notDone ($rows | Where-Object ErrorId -eq 'NotDone')
    }

    It 'takes what was not done, and nothing else, in a second run' {
        Start-TestHost $fleet $hosts[0]
        Resume-TestHost $hosts[1]
        $notDone | Export-Csv -LiteralPath "$folder/left.csv"
        # Here without a session, so that it connects by itself.
        $reports = Import-Csv -LiteralPath "$folder/left.csv" | & $script $names -Connection $connection -ErrorAction Stop
        $reports.Status | Sort-Object -Unique | Should -Be 'Clean'
        $reports | ForEach-Object { "$($_.PSComputerName) $($_.Path)" } | Sort-Object |
            Should -Be ($notDone | ForEach-Object { "$($_.PSComputerName) $($_.Path)" } | Sort-Object)
    }

    It 'converts on the host, and says what became of which image' {
        $target = New-Folder
        $convert = @{ Session = $sessions[2]; Path = "$images/[12].qed", "$images/below/leaking.qed"; Command = 'Convert-QedImage'; Parameter = @{ DestinationPath = $target; Format = 'vhdx'; RelativeTo = $folder } }
        & $script @convert -WhatIf
        Get-ChildItem -LiteralPath $target | Should -BeNullOrEmpty
        $made = & $script @convert -ErrorAction Stop | Sort-Object Path
        $made.SourcePath | Should -Be "$images${/}1.qed", "$images${/}2.qed", "$images${/}below${/}leaking.qed"
        $made.Path | Should -Be "$target${/}images${/}1.vhdx", "$target${/}images${/}2.vhdx", "$target${/}images${/}below${/}leaking.vhdx"
        $made.Format | Should -Be 'vhdx', 'vhdx', 'vhdx'
        foreach ($each in $made) { (Compare-QedImage $each.SourcePath $each.Path).IsEqual | Should -BeTrue }
    }

    It 'stops at once on the host when the pipeline does, and leaves the session open' {
        $first = & $script -Session $sessions[2] -Path "$images/*.qed" -Parameter @{ ThrottleLimit = 1; MaximumBytesPerSecond = 1MB } | Select-Object -First 1
        $first.PSComputerName | Should -Be $hosts[2].Name
        $sessions[2].State | Should -Be 'Opened'
        $sessions[2].Availability | Should -Be 'Available'
    }

    It 'makes one error of <Of>, too' -ForEach @(
        @{ Of = 'a connection that is broken'; Number = 0; Pattern = '*.qed'; Told = @{}; Id = 'HostUnreachable'; Left = '*.qed' }
        @{ Of = 'parameters that the host refuses'; Number = 2; Pattern = '[34].qed'; Told = @{ NoSuchThing = 1 }; Id = 'HostFailed'; Left = '3.qed', '4.qed' }
        @{ Of = 'a pattern that nothing matches'; Number = 2; Pattern = '*.none'; Told = @{}; Id = 'ImageNotFound'; Left = $null }
    ) {
        $rows = & $script -Session $sessions[$Number] -Path "$images/$Pattern" -Parameter $Told -ErrorVariable failures -ErrorAction SilentlyContinue
        $failures | Should -HaveCount 1
        $failures[0].FullyQualifiedErrorId | Should -BeLike "$Id*"
        "$($failures[0])" | Should -BeLike "*$($names[$Number])*"
        $rows | ForEach-Object { Split-Path $_.Path -Leaf } | Should -Be $Left
        $rows.ErrorId | Sort-Object -Unique | Should -Be $(if ($Left) { 'NotDone' })
    }

    It 'refuses rows of other hosts, and to guess which images are meant' {
        $row = [pscustomobject]@{ PSComputerName = 'elsewhere'; Path = $all[0] }
        $failure = Get-Failure { $row | & $script -Session $sessions[2] }
        $failure.FullyQualifiedErrorId | Should -Be 'ImageNotOfFleet,Invoke-QedFleet.ps1'
        { & $script -Session $sessions[2] } | Should -Throw 'Name the images*'
        { $row | & $script -Session $sessions[2] -Path $images } | Should -Throw '*exclude each other*'
    }
}
