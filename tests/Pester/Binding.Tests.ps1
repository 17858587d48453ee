# Where parameters come from: columns of tables, objects of the pipeline, nowhere. Walks every parameter that the module
# has, so that none is forgotten.

BeforeDiscovery {
    . $PSScriptRoot/Support.ps1
    # Those that draw, or write a page, emit nothing that names an image, and a server is one of many.
    $all = (Get-Module Qed).ExportedCmdlets.Values | Where-Object { $_.Verb -notin 'Show', 'Export' -and $_.Noun -ne 'QedServer' } | Sort-Object Name | ForEach-Object Name
    $results = $all -match '^(Compare|Get|Measure|Test)-'
}

BeforeAll {
    . $PSScriptRoot/Support.ps1

    # Those that say how the command works rather than what is to be made of an image, or that no table can hold.
    $sessionWide = 'ThrottleLimit', 'RelativeTo', 'MaximumRanges', 'MaximumBytesPerSecond', 'Bytes', 'SourceStream', 'DestinationStream'

    function Get-ValueParameter([string]$Cmdlet) {
        $others = 'Path', 'LiteralPath', 'InputObject' + [Management.Automation.Cmdlet]::CommonParameters + [Management.Automation.Cmdlet]::OptionalCommonParameters
        (Get-Command $Cmdlet).Parameters.Values.Where({ $_.Name -notin $others -and -not $_.SwitchParameter })
    }
}

Describe 'Parameters: <_>' -ForEach $all {
    BeforeAll {
        $cmdlet = $_
        $folder = New-Folder
        $base = (New-QedImage "$folder/base.qed" 16MB).Path
        $image = (New-QedImage "$folder/a.qed" 16MB).Path
        $parameters = Get-ValueParameter $cmdlet

        function Invoke-With([string]$Name, [hashtable]$Extra) {
            # What comes of it where a parameter has only what is given here: the images and the first error.
            $argument = Get-Argument $cmdlet $base
            $argument.Remove($Name)
            $failure = $null
            $found = try { & $cmdlet $image @argument @Extra -ErrorAction SilentlyContinue -ErrorVariable failure } catch { $failure = $_ }
            "$(Get-Name $found) $(@($failure)[0].FullyQualifiedErrorId)"
        }
    }

    It 'are null until they are given, but for those with a value of their own' {
        $fresh = [Activator]::CreateInstance((Get-Command $cmdlet).ImplementingType)
        foreach ($name in $parameters.Name -notmatch '^(ThrottleLimit|MaximumRanges|DestinationPath)$') {
            $null -eq $fresh.$name | Should -BeTrue -Because $name
        }
    }

    It 'are not given where they are blank' {
        foreach ($name in $parameters.Name) {
            $isNeeded = $name -eq 'DifferencePath' -or ($cmdlet -eq 'Convert-QedImage' -and $name -eq 'DestinationPath')
            $without = if ($isNeeded) { ' ParameterArgumentValidationErrorNullNotAllowed,*' } else { Invoke-With $name @{} }
            foreach ($blank in '', "  `t") {
                Invoke-With $name @{ $name = $blank } | Should -BeLike $without -Because "-$name '$blank'"
            }
        }
    }

    It 'are columns of a table as well where they say what is to become of an image' {
        foreach ($parameter in $parameters.Where({ $_.Name -notin $sessionWide })) {
            $parameter.Attributes.Where({ $_ -is [Parameter] }).ValueFromPipelineByPropertyName | Should -Not -Contain $false -Because $parameter.Name
        }
    }

    It 'are not passed over where a column holds what they do not take' {
        $before = Get-Fingerprint $folder
        foreach ($parameter in $parameters.Where({ $_.Name -notin $sessionWide -and $_.ParameterType -notin [string], [string[]] })) {
            $argument = Get-Argument $cmdlet $base
            $argument.Remove($parameter.Name)
            $failure = Get-Failure { [pscustomobject]@{ Path = $image; $parameter.Name = 'much' } | & $cmdlet @argument }
            $failure.FullyQualifiedErrorId | Should -BeLike 'ParameterArgumentTransformationError,*' -Because $parameter.Name
            $failure.Exception.Message | Should -BeLike "The column $($parameter.Name) holds 'much', and -$($parameter.Name) is *"
            $failure.TargetObject | Should -Be $image
        }
        Get-Fingerprint $folder | Should -Be $before
    }
}

Describe 'Tables' {
    BeforeAll {
        $folder = New-Folder
        Push-Location -LiteralPath $folder
        $null = New-QedImage a.qed 64MB
        $null = New-QedImage ov.qed -BackingPath a.qed
    }

    AfterAll {
        Pop-Location
    }

    It 'say for each image what is to become of it' {
        $made = 'Path,DestinationPath,Format,Subformat', 'a.qed,c1.img,vhdx,', 'ov.qed,c2.img,qcow2,Dynamic', 'a.qed,c3.img,vhd,Fixed' |
            ConvertFrom-Csv | Convert-QedImage -PassThru -ThrottleLimit 1
        $made.Format | Should -Be 'vhdx', 'qcow2', 'vhd'
        $made[2].Subformat | Should -Be 'fixed'
    }

    It 'say for each new image what it is like, cells left empty and not' {
        $made = 'Path,SizeBytes,BackingPath,ClusterSizeBytes', 'n1.qed,1GB,,4096', 'n2.qed,,a.qed,', 'n3.qed,,a.qed,8KB' |
            ConvertFrom-Csv | New-QedImage -ThrottleLimit 1
        $made.Size | Should -Be 1GB, 64MB, 64MB
        $made.ClusterSize | Should -Be 4KB, 64KB, 8KB
        $made.BackingPath | Should -Be $null, 'a.qed', 'a.qed'
    }

    It 'call parameters by their other names as well' {
        ('FullName,SizeBytes,ParentPath,BlockSizeBytes', "$folder/n4.qed,,a.qed,128KB" | ConvertFrom-Csv | New-QedImage).ClusterSize | Should -Be 128KB
    }

    It 'do not change what is given to the command itself' {
        ('Path,DestinationPath,Format', 'a.qed,c4.img,vhdx' | ConvertFrom-Csv | Convert-QedImage -Format vdi -PassThru).Format | Should -Be 'vdi'
    }

    It 'never cut a disk to nothing by an empty cell' {
        $failures = 'Path,SizeBytes', 'a.qed,', 'a.qed,128MB' | ConvertFrom-Csv |
            Resize-QedImage -AllowShrink -Confirm:$false -PassThru -ErrorVariable refused -ErrorAction SilentlyContinue
        $refused.FullyQualifiedErrorId | Should -BeLike 'MissingMandatoryParameter,*'
        $refused.TargetObject | Should -Be 'a.qed'
        # The row is wrong, not the command: the next one is done.
        $failures.Size | Should -Be 128MB
    }

    It 'can be of <_>' -ForEach 'a class', 'a database', 'JSON' {
        class Job { $Path; $DestinationPath; $Format; $TableSize }
        $row = switch ($_) {
            'a class' { [Job]@{ Path = 'a.qed'; DestinationPath = 'class.img'; Format = 'vdi' } }
            'a database' {
                $table = [Data.DataTable]::new()
                'Path', 'DestinationPath', 'Format', 'TableSize' | ForEach-Object { $null = $table.Columns.Add($_) }
                $table.Rows.Add('a.qed', 'data.img', 'vdi', [DBNull]::Value)
            }
            'JSON' { '{"Path":"a.qed","DestinationPath":"json.img","Format":"vdi","TableSize":null}' | ConvertFrom-Json }
        }
        ($row | Convert-QedImage -PassThru).Format | Should -Be 'vdi'
    }

    It 'can be made by script blocks' {
        $made = Get-QedImageInfo ov.qed | New-QedImage -LiteralPath { "$($_.Path).two" } -BackingPath { $_.BackingPath } -SizeBytes { $_.Size * 2 }
        $made.BackingPath | Should -Be 'a.qed'
        $made.Size | Should -Be ((Get-QedImageInfo ov.qed).Size * 2)
    }
}

Describe 'Objects that are no tables: <_>' -ForEach $all {
    BeforeAll {
        $cmdlet = $_
        $folder = New-Folder
        $base = (New-QedImage "$folder/base.qed" 16MB).Path
        $image = (New-QedImage "$folder/a.qed" -BackingPath $base -ClusterSizeBytes 128KB -TableSize 8).Path
        $columns = (Get-Command $cmdlet).Parameters.Values.Where({
                $_.Name -notin 'Path', 'LiteralPath' -and $_.Attributes.ValueFromPipelineByPropertyName -contains $true
            })

        function Get-Bound($Object) {
            # What a row would have given.
            $kind = [Qed.PowerShell.Commands.TestQedImageCommand].Assembly.GetType('Qed.PowerShell.Binding.KnownObject')
            $known = $kind.GetMethod('Of', [Reflection.BindingFlags]'Static, NonPublic').Invoke($null, @([psobject]$Object))
            $known | Should -Not -BeNullOrEmpty
            foreach ($column in $columns) {
                foreach ($name in @($column.Name) + $column.Aliases) {
                    if ($Object.psobject.Properties[$name] -and -not $kind.GetMethod('HasMember', [Reflection.BindingFlags]'Instance, NonPublic').Invoke($known, @($name))) { $name }
                }
            }
        }
    }

    It 'a result of <_>, live or not, gives its path alone' -ForEach $results {
        $its = Get-Argument $_ $base
        $live = @(& $_ $image @its)[0]
        Get-Bound $live | Should -BeNullOrEmpty
        $file = "$(New-Folder)/x"
        $live | Export-Clixml -LiteralPath $file
        Get-Bound (Import-Clixml -LiteralPath $file) | Should -BeNullOrEmpty
        $live | Export-Csv -LiteralPath $file
        Get-Bound (Import-Csv -LiteralPath $file) | Should -BeNullOrEmpty
        Get-Bound ($live | ConvertTo-Json -Depth 1 -WarningAction Ignore | ConvertFrom-Json) | Should -BeNullOrEmpty
        Get-Bound ($live | Select-Object *) | Should -BeNullOrEmpty
    }

    It 'a file gives its path alone' {
        Get-Bound (Get-Item -LiteralPath $image) | Should -BeNullOrEmpty
        Get-Bound ([Management.Automation.PSSerializer]::Deserialize([Management.Automation.PSSerializer]::Serialize((Get-Item -LiteralPath $image)))) | Should -BeNullOrEmpty
    }

    It 'a text gives its path alone' {
        Get-Bound $image | Should -BeNullOrEmpty
    }

    It 'a folder is passed over' {
        $null = New-Item -ItemType Directory "$folder/sub"
        $argument = Get-Argument $cmdlet $base
        $log = Get-Item -LiteralPath "$folder/sub" | & $cmdlet @argument -ErrorAction Stop -Verbose 4>&1
        $log | Should -HaveCount 1
        "$log" | Should -Be "Skipped '$folder${/}sub': it is a folder."
    }

    It 'what names no image is refused by value' {
        $argument = Get-Argument $cmdlet $base
        $before = Get-ChildItem -LiteralPath $folder -Name
        Push-Location -LiteralPath $folder
        try {
            foreach ($object in [pscustomobject]@{ Name = 'a.qed'; Size = 1 }, @{ Path = 'x.qed' }, 5, [pscustomobject]@{ Path = @{} }) {
                $failure = Get-Failure { , $object | & $cmdlet @argument }
                $failure.FullyQualifiedErrorId | Should -BeLike 'ParameterArgumentTransformationError,*'
                $failure.Exception.Message | Should -Match '(properties Name, Size|Hashtable|Int32) does not say.*Path, LiteralPath, FullName or PSPath'
                { & $cmdlet $object @argument } | Should -Throw -ErrorId 'ParameterArgumentTransformationError,*'
            }
        }
        finally {
            Pop-Location
        }
        Get-ChildItem -LiteralPath $folder -Name | Should -Be $before
    }

    It 'nothing is no path' {
        $argument = Get-Argument $cmdlet $base
        $failure = try { & $cmdlet $null @argument } catch { $_ }
        $failure.FullyQualifiedErrorId | Should -BeLike 'ParameterArgumentValidationError,*'
        $failure.Exception.Message | Should -BeLike "*parameter 'Path'*null*"
    }
}

Describe 'What is added to an object' {
    BeforeAll {
        $folder = New-Folder
        $base = (New-QedImage "$folder/base.qed" 1MB).Path
        $image = (New-QedImage "$folder/a.qed" -BackingPath $base).Path
    }

    It 'is a column, where the rest is none: <_>' -ForEach 'Add-Member', 'Select-Object', 'Get-ChildItem' {
        $target = "$folder${/}$_.vhdx"
        $row = switch ($_) {
            'Add-Member' { Get-QedImageInfo $image | Add-Member -PassThru DestinationPath $target }
            'Select-Object' { Get-QedImageInfo $image | Select-Object *, @{ n = 'DestinationPath'; e = { $target } } }
            'Get-ChildItem' { Get-ChildItem -LiteralPath $image | Add-Member -PassThru DestinationPath $target | Add-Member -PassThru TableSize '' }
        }
        $made = $row | Convert-QedImage -PassThru
        $made.Path | Should -Be $target
        $made.Format | Should -Be 'vhdx'
        $made.BackingPath | Should -BeNullOrEmpty
    }

    It 'does not make a pattern of a name with brackets' {
        $null = New-QedImage -LiteralPath "$folder/a[1].qed" -SizeBytes 2MB
        $null = New-QedImage "$folder/a1.qed" 3MB
        $info = Get-QedImageInfo -LiteralPath "$folder/a[1].qed"
        (Test-QedImage $info).Path | Should -Be "$folder${/}a[1].qed"
        (Test-QedImage (Get-Item -LiteralPath $info.Path)).Path | Should -Be "$folder${/}a[1].qed"
        (Test-QedImage (Get-Item -LiteralPath $info.Path), $info).Path | Should -Be "$folder${/}a[1].qed", "$folder${/}a[1].qed"
    }
}
