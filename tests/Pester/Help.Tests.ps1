# The help that users read is whole and true: docs/cmdlets and the help file hold what the module has, no more and no less,
# and every example runs.

BeforeDiscovery {
    . $PSScriptRoot/Support.ps1
    . $PSScriptRoot/HelpPage.ps1
    $commands = Get-Command -Module Qed | Sort-Object Name
    $pages = foreach ($command in $commands) { @{ Name = $command.Name } }
    $examples = foreach ($command in $commands) {
        $file = Join-Path $PSScriptRoot "../../docs/cmdlets/$($command.Name).md"
        if (Test-Path -LiteralPath $file) {
            foreach ($example in (Read-HelpPage $file).Examples) { @{ Name = $command.Name; Title = $example.Title; Codes = $example.Codes } }
        }
    }
    $topics = Get-ChildItem -LiteralPath (Join-Path $PSScriptRoot ../../src/Qed.PowerShell/en-US) -Filter about_*.help.txt | ForEach-Object { @{ Topic = $_.Name -replace '\.help\.txt$'; File = $_.FullName } }
}

BeforeAll {
    . $PSScriptRoot/Support.ps1
    . $PSScriptRoot/HelpPage.ps1
    $docs = (Get-Item -LiteralPath (Join-Path $PSScriptRoot ../../docs)).FullName
    $culture = Join-Path (Split-Path (Get-QedManifest)) en-US
    $project = (Import-PowerShellDataFile -LiteralPath (Get-QedManifest)).PrivateData.PSData.ProjectUri
    $help = [xml](Get-Content -LiteralPath (Join-Path $culture Qed.PowerShell.dll-Help.xml) -Raw)
    $names = [Xml.XmlNamespaceManager]::new($help.NameTable)
    $names.AddNamespace('maml', 'http://schemas.microsoft.com/maml/2004/10')
    $names.AddNamespace('command', 'http://schemas.microsoft.com/maml/dev/command/2004/10')
    $names.AddNamespace('dev', 'http://schemas.microsoft.com/maml/dev/2004/10')
}

Describe 'The pages' {
    It 'are those of the cmdlets, no more and no fewer' {
        (Get-ChildItem -LiteralPath $docs/cmdlets -File).Name | Sort-Object | Should -BeExactly ((Get-Command -Module Qed).Name | ForEach-Object { "$_.md" } | Sort-Object)
        $help.SelectNodes('//command:command/command:details/command:name', $names).InnerText | Sort-Object | Should -BeExactly ((Get-Command -Module Qed).Name | Sort-Object)
    }
}

Describe 'The page of <Name>' -ForEach $pages {
    BeforeAll {
        $command = Get-Command $Name
        $page = Read-HelpPage (Join-Path $docs "cmdlets/$Name.md")
        $item = $help.SelectSingleNode("//command:command[command:details/command:name='$Name']", $names)
        $all = $command.Parameters.Values | Where-Object { [Management.Automation.PSCmdlet]::CommonParameters -notcontains $_.Name }
        # Some are for the pipeline alone, and shown to nobody.
        $own = $all | Where-Object { @($_.Attributes.DontShow) -notcontains $true }
    }

    It 'says all that a page should, with nothing left to fill in' {
        $page.Name | Should -BeExactly $Name
        $page.Text | Should -Not -Match '\{\{|TODO'
        $page.Synopsis | Should -Match '^[A-Z].*\.$'
        $page.Synopsis.Split("`n") | Should -HaveCount 1
        $page.Description.Length | Should -BeGreaterThan 100
        $page.Notes.Length | Should -BeGreaterThan 40
        $page.Examples.Count | Should -BeGreaterOrEqual 3
        foreach ($part in @($page.Inputs) + $page.Outputs) { $part.Text | Should -Match '\.$' -Because "it describes $($part.Title)" }
    }

    It 'describes every parameter there is, and no other' {
        $page.Parameters.Name | Sort-Object | Should -BeExactly ($own.Name | Sort-Object)
        foreach ($parameter in $page.Parameters) { $parameter.Description | Should -Match '^[A-Z].{15,}[.!`]$' -Because "it describes -$($parameter.Name)" }
    }

    It 'gives the types, aliases and places of the parameters as the module has them' {
        # A line for each, compared at once: hundreds of comparisons by themselves take their time.
        $real = foreach ($parameter in $page.Parameters) {
            $declared = $command.Parameters[$parameter.Name]
            $type = if ([Nullable]::GetUnderlyingType($declared.ParameterType)) { [Nullable]::GetUnderlyingType($declared.ParameterType) } else { $declared.ParameterType }
            $wildcards = [bool]($declared.Attributes | Where-Object { $_ -is [Management.Automation.SupportsWildcardsAttribute] })
            $sets = foreach ($set in $declared.ParameterSets.GetEnumerator()) {
                $place = if ($set.Value.Position -eq [int]::MinValue) { 'Named' } else { $set.Value.Position }
                $where = if ($set.Key -eq '__AllParameterSets') { '(All)' } else { $set.Key }
                "$where $place $($set.Value.IsMandatory) $($set.Value.ValueFromPipeline) $($set.Value.ValueFromPipelineByPropertyName)".ToLowerInvariant()
            }
            "-$($parameter.Name): $($type.ToString()), also $($declared.Aliases | Sort-Object), wildcards $wildcards, in $(($sets | Sort-Object) -join '; ')"
        }
        $page.Parameters | ForEach-Object {
            "-$($_.Name): $($_.Type), also $($_.Aliases | Sort-Object), wildcards $($_.Wildcards), in $($_.Sets -join '; ')"
        } | Should -BeExactly $real
    }

    It 'shows the syntax that the module has' {
        foreach ($set in $command.ParameterSets) {
            $heading = if ($set.IsDefault) { "### $($set.Name) (Default)" } else { "### $($set.Name)" }
            $block = ($page.Syntax -split '(?m)^(?=### )' | Where-Object { $_.StartsWith($heading) })
            $block | Should -HaveCount 1
            $shown = [regex]::Matches($block, '(?<=[\s\[])-(\w+)') | ForEach-Object { $_.Groups[1].Value }
            $shown | Sort-Object | Should -Be ($set.Parameters.Name | Where-Object { $own.Name -contains $_ } | Sort-Object)
        }
    }

    It 'says what comes out, and what goes in' {
        $page.Outputs.Title | Sort-Object | Should -Be ($command.OutputType.Name | Sort-Object)
        $taken = $all | Where-Object { $_.ParameterSets.Values.Where({ $_.ValueFromPipeline -or $_.ValueFromPipelineByPropertyName }) }
        $types = $taken.ParameterType | ForEach-Object { if ([Nullable]::GetUnderlyingType($_)) { [Nullable]::GetUnderlyingType($_).FullName } else { $_.FullName } } | Sort-Object -Unique
        $page.Inputs.Title | Sort-Object | Should -Be $types
    }

    It 'can be read online, and leads only to what exists' {
        $page.HelpUri | Should -Be $command.HelpUri
        $page.HelpUri | Should -Be "$project/blob/main/docs/cmdlets/$Name.md"
        $item.SelectSingleNode('command:relatedLinks/maml:navigationLink/maml:uri', $names).InnerText | Should -Be $page.HelpUri -Because 'Get-Help -Online opens the first link'
        $page.Links | Should -Not -BeNullOrEmpty
        foreach ($link in $page.Links) {
            if ($link.Uri.StartsWith("$project/blob/main/")) {
                $link.Uri.Replace("$project/blob/main", (Split-Path $docs)) | Should -Exist
            }
        }
    }

    It 'is what the help file says' {
        Get-Word $item.SelectSingleNode('command:details/maml:description', $names).InnerText | Should -BeExactly (Get-Word $page.Synopsis)
        $item.SelectNodes('maml:description/maml:para', $names).InnerText -join ' ' | Get-Word | Should -BeExactly (Get-Word $page.Description)
        $item.SelectNodes('maml:alertSet/maml:alert/maml:para', $names).InnerText -join ' ' | Get-Word | Should -BeExactly (Get-Word $page.Notes)
        $described = $item.SelectNodes('command:parameters/command:parameter', $names)
        $described.ForEach({ $_.name }) | Sort-Object | Should -BeExactly ($page.Parameters.Name | Sort-Object)
        foreach ($parameter in $page.Parameters) {
            $node = $item.SelectSingleNode("command:parameters/command:parameter[maml:name='$($parameter.Name)']", $names)
            $node.SelectNodes('maml:description/maml:para', $names).InnerText -join ' ' | Get-Word | Should -BeExactly (Get-Word $parameter.Description)
        }
        $examples = $item.SelectNodes('command:examples/command:example', $names)
        $examples.Count | Should -Be $page.Examples.Count
        for ($i = 0; $i -lt $examples.Count; $i++) {
            Get-Word $examples[$i].title | Should -BeExactly $page.Examples[$i].Title
            $examples[$i].SelectSingleNode('dev:code', $names).InnerText | Should -BeExactly $page.Examples[$i].Codes[0]
            $examples[$i].SelectNodes('dev:remarks/maml:para', $names).InnerText -join ' ' | Get-Word | Should -BeExactly (Get-Word $page.Examples[$i].Words)
        }
    }

    It 'is what Get-Help shows' {
        $command.HelpFile | Should -BeExactly 'Qed.PowerShell.dll-Help.xml'
        (Get-Help $Name).Synopsis | Should -Be $page.Synopsis
    }
}

Describe 'Get-Help' {
    It 'shows examples and parameters one by one' {
        Get-Help Convert-QedImage -Examples | Out-String | Should -Match 'Convert-QedImage disk\.qed disk\.vhdx -Verify'
        (Get-Help Convert-QedImage -Parameter *).name | Sort-Object | Should -Be (Read-HelpPage (Join-Path $docs cmdlets/Convert-QedImage.md)).Parameters.Name
        (Get-Help Convert-QedImage -Parameter DestinationPath).description.Text | Should -Match 'literal path'
    }
}

Describe 'The examples' {
    BeforeAll {
        function Copy-Fixture {
            # Copy-Item takes ten times as long.
            $folder = New-Folder
            foreach ($item in Get-ChildItem -LiteralPath $fixture -Recurse) {
                $copy = $folder + $item.FullName.Substring($fixture.Length)
                if ($item.PSIsContainer) { $null = [IO.Directory]::CreateDirectory($copy) } else { $null = $item.CopyTo($copy) }
            }
            $folder
        }

        function Get-Listing([string]$Folder) {
            Get-ChildItem -LiteralPath $Folder -Recurse -File | ForEach-Object { '{0} {1} {2}' -f $_.FullName, $_.Length, $_.LastWriteTimeUtc.Ticks }
        }

        # What the examples find where they run. Whoever writes one uses these names.
        $fixture = New-Folder
        Push-Location -LiteralPath $fixture
        $null = New-Item -ItemType Directory -Path Images, Converted
        # Small ones: each example has copies of its own.
        $server = New-RawFile "$fixture/server.raw" 512KB
        $null = New-RawFile "$fixture/partition.raw" 128KB 2
        Convert-QedImage $server disk.qed
        $null = Resize-QedImage disk.qed 16MB
        Copy-Item disk.qed disk-copy.qed
        Convert-QedImage $server server.vhdx
        Convert-QedImage $server old.vhd
        Convert-QedImage $server base.qed
        $null = New-QedImage overlay.qed -BackingPath base.qed
        Copy-QedImageContent overlay.qed 64KB -Bytes ([byte[]](1..255)) -Confirm:$false
        Copy-Item base.qed base2.qed
        Copy-QedImageContent base2.qed 256KB -Bytes ([byte[]](1..255)) -Confirm:$false
        Copy-Item disk.qed damaged.qed
        Set-Corruption "$fixture/damaged.qed"
        foreach ($name in 'web.qed', 'mail.qed', 'leaky.qed', 'crashed.qed') { Copy-Item disk.qed "Images/$name" }
        Add-Leak "$fixture/Images/leaky.qed"
        Write-UInt64 "$fixture/Images/crashed.qed" 16 2
        Set-Content -LiteralPath disks.csv -Value 'Path,SizeBytes', 'web.qed,1073741824', 'mail.qed,2147483648'
        Set-Content -LiteralPath conversions.csv -Value 'Path,DestinationPath', 'server.raw,server.qed', 'old.vhd,old.qcow2'
        Pop-Location
    }

    It 'of <Name> run and have an effect: <Title>' -ForEach $examples {
        $Codes | Should -HaveCount 1 -Because 'an example has one block of code'
        $tokens = $problems = $null
        $ast = [Management.Automation.Language.Parser]::ParseInput($Codes[0], [ref]$tokens, [ref]$problems)
        $problems | Should -BeNullOrEmpty
        $calls = $ast.FindAll({ $args[0] -is [Management.Automation.Language.CommandAst] }, $true) | Where-Object { $_.GetCommandName() -like '*-Qed*' }
        $calls.ForEach('GetCommandName') | Should -Contain $Name
        foreach ($call in $calls) {
            $binding = [Management.Automation.Language.StaticParameterBinder]::BindCommand($call, $true)
            $binding.BindingExceptions.Values.ForEach({ $_.BindingException.Message }) | Should -BeNullOrEmpty
            $isPiped = $call.Parent -is [Management.Automation.Language.PipelineAst] -and $call.Parent.PipelineElements[0] -ne $call
            $fitting = (Get-Command $call.GetCommandName()).ParameterSets | Where-Object {
                $set = $_
                -not ($binding.BoundParameters.Keys | Where-Object { $set.Parameters.Name -notcontains $_ }) -and
                -not ($set.Parameters | Where-Object { $_.IsMandatory -and -not $binding.BoundParameters.ContainsKey($_.Name) -and -not ($isPiped -and ($_.ValueFromPipeline -or $_.ValueFromPipelineByPropertyName)) })
            }
            # What comes by pipeline chooses between Path, LiteralPath and a server only when it comes.
            @($fitting).Count | Should -BeIn $(if ($isPiped) { 1, 2, 3 } else { 1 })
        }

        $folder = Copy-Fixture
        # Whether nothing has changed takes every byte; whether something has, a look at names, lengths and time stamps.
        $isRehearsal = $Codes[0] -match '-WhatIf\b'
        $before = if ($isRehearsal) { Get-Fingerprint $folder } else { Get-Listing $folder }
        Push-Location -LiteralPath $folder
        try {
            $ErrorActionPreference = 'Stop'
            $output = @(& ([scriptblock]::Create($Codes[0])) 3>$null)
        }
        finally {
            Pop-Location
        }
        if ($isRehearsal) {
            Get-Fingerprint $folder | Should -Be $before
        }
        else {
            $output.Count -gt 0 -or "$(Get-Listing $folder)" -ne "$before" | Should -BeTrue -Because 'an example shows or does something'
        }
    }
}

Describe '<Topic>' -ForEach $topics {
    It 'is found by Get-Help, and fits a console of any system' {
        $text = Get-Content -LiteralPath $File -Raw
        Get-Help $Topic | Out-String | Should -Match "(?m)^\s*$Topic"
        $text | Should -Match '(?m)^TOPIC\r?\n    \S+\r?\n\r?\nSHORT DESCRIPTION\r?\n    \S'
        $text | Should -Not -Match '[^\x09\x0a\x0d\x20-\x7e]' -Because 'Windows PowerShell takes it for the code page of the system'
        $text.Split("`n") | ForEach-Object { $_.TrimEnd().Length } | Measure-Object -Maximum | ForEach-Object Maximum | Should -BeLessOrEqual 80
    }

    It 'names cmdlets and topics that exist' {
        $text = Get-Content -LiteralPath $File -Raw
        foreach ($match in [regex]::Matches($text, '\b[A-Z][a-z]+-Qed\w+')) { Get-Command -Module Qed -Name $match.Value | Should -Not -BeNullOrEmpty -Because $match.Value }
        foreach ($match in [regex]::Matches($text, '\babout_Qed\w*')) { Join-Path $culture "$($match.Value).help.txt" | Should -Exist }
    }
}

Describe 'about_Qed' {
    It 'names every cmdlet' {
        $text = Get-Content -LiteralPath (Join-Path $culture about_Qed.help.txt) -Raw
        foreach ($command in Get-Command -Module Qed) { $text | Should -Match "\b$($command.Name)\b" }
    }

    It 'lists the error ids that there are' {
        $text = Get-Content -LiteralPath (Join-Path $culture about_Qed.help.txt) -Raw
        foreach ($kind in [Enum]::GetNames([Qed.ErrorKind])) { $text | Should -Match "\b$kind\b" }
    }
}
