# What all cmdlets promise alike: how paths bind, that one bad image spoils nothing, and -WhatIf.
# The lists come from the module itself, so that no cmdlet is forgotten.

BeforeDiscovery {
    . $PSScriptRoot/Support.ps1
    # Those that draw, or write a page, emit nothing that names an image; a server is one of many images, and has tests of its own.
    $commands = (Get-Module Qed).ExportedCmdlets.Values | Where-Object { $_.Verb -notin 'Show', 'Export' -and $_.Noun -ne 'QedServer' } | Sort-Object Name
    $all = $commands.Name
    $changers = $commands.Where({ $_.Parameters.ContainsKey('WhatIf') }).Name + 'Start-QedServer'
    # What is asked about an image, and so handed on.
    $results = $all -match '^(Compare|Get|Measure|Test)-'
    # Its images are not there yet, so wildcards mean themselves.
    $onExisting = $all -ne 'New-QedImage'
    $formats = foreach ($command in $commands) {
        $command.Parameters.Keys -clike '*Format' | ForEach-Object { @{ Cmdlet = $command.Name; Parameter = $_ } }
    }
}

BeforeAll {
    . $PSScriptRoot/Support.ps1
}

Describe 'Naming images: <_>' -ForEach $all {
    BeforeAll {
        $cmdlet = $_
        $folder = New-Folder
        $base = (New-QedImage "$(New-Folder)/base.qed" 1MB).Path
        $brackets = (New-QedImage -LiteralPath "$folder/a[1].qed" -SizeBytes 1MB).Path
        $plain = (New-QedImage "$folder/a1.qed" 1MB).Path
        $other = (New-QedImage "$folder/b.qed" 1MB).Path
        Add-Beneath $cmdlet $brackets, $plain, $other
        Push-Location -LiteralPath $folder
    }

    BeforeEach {
        $argument = Get-Argument $cmdlet $base
    }

    AfterAll {
        Pop-Location
    }

    It 'takes a path as the first argument' {
        Get-Name (& $cmdlet $plain @argument) | Should -Be 'a1'
    }

    It 'takes a path relative to the current location' {
        Get-Name (& $cmdlet ./a1.qed @argument) | Should -Be 'a1'
    }

    It 'takes several paths' {
        Get-Name (& $cmdlet -Path $plain, $other @argument) | Should -Be 'a1', 'b'
    }

    It 'takes strings by pipeline' {
        Get-Name ($plain, 'b.qed' | & $cmdlet @argument) | Should -Be 'a1', 'b'
    }

    It 'takes lines of a file, not the file that they come from' {
        Set-Content -LiteralPath "$folder/list.txt" -Value $plain, 'b.qed'
        Get-Name (Get-Content -LiteralPath "$folder/list.txt" | & $cmdlet @argument) | Should -Be 'a1', 'b'
    }

    It 'takes Get-ChildItem output, names with brackets too' {
        Get-Name (Get-ChildItem *.qed | & $cmdlet @argument) | Should -Be 'a[1]', 'a1', 'b'
        (Get-Item -LiteralPath $plain).LastWriteTimeUtc | Should -BeLessOrEqual ([DateTime]::UtcNow)
    }

    It 'takes file objects that PowerShell has not decorated' {
        Get-Name ([IO.FileInfo]::new($brackets) | & $cmdlet @argument) | Should -Be 'a[1]'
    }

    It 'emits what it declares' {
        $declared = (Get-Command $cmdlet).OutputType.Type
        & $cmdlet $plain @argument | ForEach-Object { $declared | Should -Contain $_.GetType() }
    }

    It 'takes results of this module, literally: of <_>' -ForEach $results {
        $its = Get-Argument $_ $base
        Get-Name (& $_ -LiteralPath $brackets @its | & $cmdlet @argument) | Should -Be 'a[1]'
    }

    # A run of a map is no name of an image; by pipeline it has a property that is one.
    It 'takes a result of this module as an argument: of <_>' -ForEach ($results -ne 'Get-QedImageMap') {
        $its = Get-Argument $_ $base
        Get-Name (& $cmdlet (& $_ $plain @its) @argument) | Should -Be 'a1'
    }

    It 'takes rows of a table with a Path column, literally where such a file exists' {
        [pscustomobject]@{ Path = $brackets; Note = 'x' }, [pscustomobject]@{ Path = $other; Note = 'y' } |
            Export-Csv -LiteralPath "$folder/list.csv"
        Get-Name (Import-Csv -LiteralPath "$folder/list.csv" | & $cmdlet @argument) | Should -Be 'a[1]', 'b'
    }

    It 'takes rows exported from its own results' {
        Get-QedImageInfo -LiteralPath $brackets | Export-Csv -LiteralPath "$folder/own.csv"
        Get-Name (Import-Csv -LiteralPath "$folder/own.csv" | & $cmdlet @argument) | Should -Be 'a[1]'
    }

    It 'takes rows whose other columns are parameters as well' {
        $row = [pscustomobject]@{ Path = $brackets }
        $rest = $argument.Clone()
        $columns = (Get-Command $cmdlet).Parameters.Values.Where({ $_.Attributes.ValueFromPipelineByPropertyName -contains $true }).Name
        foreach ($name in @($rest.Keys).Where({ $_ -in $columns })) {
            $row | Add-Member $name "$($rest[$name])"
            $rest.Remove($name)
        }
        Get-Name ($row | & $cmdlet @rest) | Should -Be 'a[1]'
    }

    It 'takes objects with a <_> property' -ForEach 'PSPath', 'FullName', 'LiteralPath', 'LP' {
        Get-Name ([pscustomobject]@{ $_ = $brackets } | & $cmdlet @argument) | Should -Be 'a[1]'
    }

    It 'takes -<_> literally' -ForEach 'LiteralPath', 'PSPath', 'FullName', 'LP' {
        $named = @{ $_ = $brackets }
        Get-Name (& $cmdlet @named @argument) | Should -Be 'a[1]'
    }

    It 'takes a path that names its provider' {
        Get-Name (& $cmdlet "Microsoft.PowerShell.Core\FileSystem::$plain" @argument) | Should -Be 'a1'
        Get-Name (& $cmdlet "FileSystem::$plain" @argument) | Should -Be 'a1'
    }

    It 'takes a path on a drive of PowerShell' {
        $null = New-PSDrive -Name images -PSProvider FileSystem -Root $folder
        Get-Name (& $cmdlet images:\a1.qed @argument) | Should -Be 'a1'
        Get-Name (& $cmdlet -LiteralPath 'images:/a[1].qed' @argument) | Should -Be 'a[1]'
        Push-Location images:
        try { Get-Name (& $cmdlet b.qed @argument) | Should -Be 'b' } finally { Pop-Location }
    }

    It 'takes a name that starts with a dash or holds blanks and letters of any script' {
        $name = "-$([char]0xf6) $([char]0x30c7)$([char]0x30a3)$([char]0x30b9)$([char]0x30af)"
        $odd = (New-QedImage -LiteralPath "$folder/$name.qed" -SizeBytes 1MB).Path
        Add-Beneath $cmdlet $odd
        try { Get-Name (& $cmdlet -LiteralPath $odd @argument) | Should -Be $name } finally { Remove-Item -LiteralPath $odd }
    }

    It 'reports a missing drive, a foreign provider and a path that is nowhere, each alone' {
        $missing = if ($cmdlet -eq 'New-QedImage') { "$folder${/}no folder${/}x.qed" } else { "$folder${/}missing.qed" }
        $paths = 'nodrive:\x.qed', 'env:PATH', $missing, $plain
        $found = $paths | & $cmdlet @argument -ThrottleLimit 1 -ErrorAction SilentlyContinue -ErrorVariable failures
        Get-Name $found | Should -Be 'a1'
        $failures | Should -HaveCount 3
        $type = (Get-Command $cmdlet).ImplementingType.FullName
        $failures.FullyQualifiedErrorId | Should -Be "ImageNotFound,$type", "UnsupportedFeature,$type", "ImageNotFound,$type"
        $failures.CategoryInfo.Category | Should -Be 'ObjectNotFound', 'NotImplemented', 'ObjectNotFound'
        $failures.TargetObject | Should -Be $paths[0..2]
    }

    It 'refuses an empty path' {
        { & $cmdlet -Path '' @argument } | Should -Throw -ErrorId 'ParameterArgumentValidationError,*'
    }
}

Describe 'Naming existing images: <_>' -ForEach $onExisting {
    BeforeAll {
        $cmdlet = $_
        $folder = New-Folder
        $base = (New-QedImage "$(New-Folder)/base.qed" 1MB).Path
        $null = New-Item -ItemType Directory "$folder/sub.qed"
        $null = 'a[1]', 'a1', 'a2' | ForEach-Object { New-QedImage -LiteralPath "$folder/$_.qed" -SizeBytes 1MB }
        Add-Beneath $cmdlet (Get-ChildItem -LiteralPath $folder -File).FullName
    }

    BeforeEach {
        $argument = Get-Argument $cmdlet $base
    }

    It 'expands wildcards, and skips the folders that match as well' {
        Get-Name (& $cmdlet "$folder/*.qed" @argument -ErrorAction Stop) | Should -Be 'a[1]', 'a1', 'a2'
        Get-Name (& $cmdlet "$folder/a[12].qed" @argument) | Should -Be 'a1', 'a2'
    }

    It 'expands a pattern that is typed, even where a file has that very name' {
        Get-Name (& $cmdlet "$folder/a[1].qed" @argument) | Should -Be 'a1'
    }

    It 'takes a name from a list literally where a file has that very name' {
        Get-Name ("$folder/a[1].qed" | & $cmdlet @argument) | Should -Be 'a[1]'
    }

    It 'takes an escaped name' {
        Get-Name (& $cmdlet "$folder/a``[1``].qed" @argument) | Should -Be 'a[1]'
    }

    It 'takes a name with brackets that matches nothing as a pattern' {
        $lone = (New-QedImage -LiteralPath "$folder/x[y].qed" -SizeBytes 1MB).Path
        Add-Beneath $cmdlet $lone
        try { Get-Name (& $cmdlet $lone @argument) | Should -Be 'x[y]' } finally { Remove-Item -LiteralPath $lone }
    }

    It 'reports a pattern that matches nothing' {
        & $cmdlet "$folder${/}*.none" @argument -ErrorAction SilentlyContinue -ErrorVariable failure | Should -BeNullOrEmpty
        $failure[0].FullyQualifiedErrorId | Should -BeLike 'ImageNotFound,*'
        $failure[0].TargetObject | Should -Be "$folder${/}*.none"
    }

    It 'reports what is no image, and works on the others' {
        $null = New-RawFile "$folder/bad.qed"
        $found = Get-ChildItem -LiteralPath $folder -File | & $cmdlet @argument -ErrorAction SilentlyContinue -ErrorVariable failures
        Remove-Item -LiteralPath "$folder/bad.qed"
        Get-Name $found | Should -Be 'a[1]', 'a1', 'a2'
        $failures | Should -HaveCount 1
        $failures.FullyQualifiedErrorId | Should -BeLike 'ImageNotRecognized,*'
        $failures.TargetObject | Should -Be "$folder${/}bad.qed"
    }

    It 'reports a folder that is named' {
        $failure = Get-Failure { & $cmdlet "$folder/sub.qed" @argument }
        $failure.FullyQualifiedErrorId | Should -BeLike 'ImageNotRecognized,*'
        $failure.TargetObject | Should -Be "$folder${/}sub.qed"
    }
}

Describe 'Working on many images: <_>' -ForEach $all {
    BeforeAll {
        $cmdlet = $_
        $folder = New-Folder
        # More than one worker has waiting for it before the pipeline has to wait: 16.
        $names = 1..20 | ForEach-Object { "n$_" }
        $paths = $names | ForEach-Object { "$folder${/}$_.qed" }
        $null = $paths | New-QedImage -SizeBytes 1MB -ClusterSizeBytes 4096 -TableSize 2
        Add-Beneath $cmdlet $paths
        $base = (New-QedImage "$(New-Folder)/base.qed" 1GB).Path
    }

    BeforeEach {
        $argument = Get-Argument $cmdlet $base
    }

    It 'gives one result for each, one at a time, and in any order' {
        Get-Name ($paths | & $cmdlet @argument -ThrottleLimit 1) | Should -Be ($names | Sort-Object)
        $argument = Get-Argument $cmdlet $base
        Get-Name ($paths | & $cmdlet @argument -ThrottleLimit 16 -Unordered) | Should -Be ($names | Sort-Object)
    }

    It 'keeps their order' {
        $found = $paths | & $cmdlet @argument -ThrottleLimit 3
        $found | ForEach-Object { [IO.Path]::GetFileNameWithoutExtension($_.Path) } | Should -Be $names
    }

    It 'gives each result while more images are still to come' {
        $seen = [Collections.Generic.List[string]]::new()
        $emitted = & {
            foreach ($path in $paths) {
                $seen.Add("in")
                $path
            }
        } | & $cmdlet @argument -ThrottleLimit 1 | ForEach-Object { $seen.Add("out") }
        $emitted | Should -BeNullOrEmpty
        $seen.Where({ $_ -eq 'out' }) | Should -HaveCount 20
        $seen.IndexOf('out') | Should -BeLessThan $seen.LastIndexOf('in')
    }
}

Describe 'Changing: <_>' -ForEach $changers {
    BeforeAll {
        $cmdlet = $_
        $folder = New-Folder
        $base = New-FilledImage "$folder/base.qed"
        $image = (New-QedImage "$folder/image.qed" -BackingPath $base).Path
        $calls = switch ($cmdlet) {
            'Convert-QedImage' {
                @{ Path = $image; DestinationPath = "$folder/new.raw" }
                @{ Path = $image; DestinationPath = "$folder/new.raw"; DeleteSource = $true }
                @{ Path = $image; DestinationPath = (New-FilledImage "$folder/old.qed"); Force = $true }
            }
            'Copy-QedImageContent' {
                @{ Path = $image; DestinationFile = "$folder/new.bin" }
                @{ Path = $image; DestinationFile = $base; Force = $true }
                @{ Path = $image; Bytes = [byte[]](1, 2, 3); Verify = $true }
            }
            'Merge-QedImage' {
                @{ Path = $image }
                @{ Path = $image; DestinationPath = $base; KeepSource = $true }
                @{ Path = $image; DeleteSource = $true }
            }
            'New-QedImage' {
                @{ Path = "$folder/new.qed"; SizeBytes = 1GB }
                @{ Path = $image; SizeBytes = 1GB; Force = $true }
            }
            'Optimize-QedImage' {
                Add-Leak $image
                @{ Path = $image }
                @{ Path = $image; Mode = 'Full' }
                @{ Path = $image; Mode = 'Defragment' }
            }
            'Repair-QedImage' {
                Add-Leak $image
                @{ Path = $image }
                @{ Path = $image; Mode = 'Leaks'; DiscardUndo = $true }
            }
            'Resize-QedImage' {
                @{ Path = $image; SizeBytes = 2GB }
                @{ Path = $image; SizeBytes = 64KB; AllowShrink = $true }
                @{ Path = $image; ToMinimumSize = $true }
            }
            'Set-QedBackingFile' {
                @{ Path = $image; None = $true }
                @{ Path = $image; BackingPath = "$folder/other.qed"; MetadataOnly = $true }
            }
            'Start-QedServer' {
                @{ Path = $image; OverlayPath = "$folder/over.qed" }
                @{ Path = $image }
            }
            default { throw "Say here what $_ changes." }
        }
    }

    It 'leaves every byte and time stamp alone under -WhatIf' {
        $before = Get-Fingerprint $folder
        foreach ($call in $calls) {
            $session = Invoke-Session { & $cmdlet @call -WhatIf -ErrorAction Stop } @{ cmdlet = $cmdlet; call = $call }
            $session.Failure | Should -BeNullOrEmpty
            $session.Output | Should -BeNullOrEmpty
            "$($session.Host.Lines)" | Should -Match ([regex]::Escape(($call.Path -replace '/', ${/}))) -Because 'it says what it would do'
        }
        Get-Fingerprint $folder | Should -Be $before
    }

    It 'does nothing where it is to ask and the answer is no' {
        $before = Get-Fingerprint $folder
        foreach ($call in $calls) {
            $session = Invoke-Session { & $cmdlet @call -Confirm -ErrorAction Stop } @{ cmdlet = $cmdlet; call = $call } -Answer 2
            $session.Failure | Should -BeNullOrEmpty
            $session.Host.Questions | Should -HaveCount 1
        }
        Get-Fingerprint $folder | Should -Be $before
    }

    It 'asks of its own accord where that much is at stake' {
        (Get-Command $cmdlet).Parameters.Keys | Should -Contain 'Confirm'
        $impact = [Management.Automation.CommandMetadata]::new((Get-Command $cmdlet)).ConfirmImpact
        $impact | Should -Be $(if ($cmdlet -in 'Copy-QedImageContent', 'Merge-QedImage', 'Optimize-QedImage', 'Repair-QedImage', 'Set-QedBackingFile') { 'High' } else { 'Medium' })
    }

    It 'shows what the engine does in detail with -Debug' {
        $call = $calls[-1].Clone()
        if ($call.ContainsKey('SizeBytes')) { $call.Path = "$folder/debug.qed"; $call.BackingPath = $base }
        if ($call.ContainsKey('MetadataOnly')) { $call = @{ Path = $image; BackingPath = $base } }
        $session = Invoke-Session { & $cmdlet @call -Confirm:$false -Debug -Verbose } @{ cmdlet = $cmdlet; call = $call }
        $line = if ($cmdlet -eq 'Repair-QedImage') { "VERBOSE: Repairing '$image'*" }
        elseif ($cmdlet -eq 'Optimize-QedImage') { "VERBOSE: Optimized '$image'*" }
        else { "DEBUG: Opened '$base' as qed, 1048576 bytes." }
        Get-QedServer | Stop-QedServer
        $session.Host.Lines -like $line | Should -Not -BeNullOrEmpty
    }
}

Describe 'Declarations: <_>' -ForEach $all {
    It 'says what it emits' {
        (Get-Command $_).OutputType | Should -Not -BeNullOrEmpty
    }

    It 'emits of its own accord, or has -PassThru' {
        $emits = $_ -match '^(New|Get|Test|Compare|Measure|Repair)-'
        $emits -or (Get-Command $_).Parameters.ContainsKey('PassThru') | Should -BeTrue
    }

    It 'works on as many images at a time as there are processors' {
        $type = (Get-Command $_).ImplementingType
        [Activator]::CreateInstance($type).ThrottleLimit | Should -Be ([Environment]::ProcessorCount)
    }
}

Describe 'Completion: <Cmdlet> -<Parameter>' -ForEach $formats {
    It 'completes the names of formats' {
        $line = "$Cmdlet x -$Parameter "
        $names = (TabExpansion2 $line $line.Length).CompletionMatches.CompletionText
        $names | Should -Contain 'qed'
        $names | Should -Contain 'raw'
        $line += 'q'
        (TabExpansion2 $line $line.Length).CompletionMatches.CompletionText | Should -Not -Contain 'raw'
    }
}
