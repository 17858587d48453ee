# What holds for every script in examples/, and for how they are scheduled.

BeforeDiscovery {
    $examples = Join-Path $PSScriptRoot ../../examples
    $scripts = @(Get-ChildItem -LiteralPath $examples -Filter *.ps1 | ForEach-Object { @{ Name = $_.Name; Path = $_.FullName } })
    $jobs = @($scripts | Where-Object Name -NotIn 'Tour.ps1', 'JobSupport.ps1')
    $hasSystemd = [bool](Get-Command systemd-analyze -ErrorAction Ignore)
}

BeforeAll {
    . $PSScriptRoot/Support.ps1
    $examples = (Get-Item -LiteralPath $PSScriptRoot/../../examples).FullName

    function Get-Syntax([string]$Text) {
        $failures = $null
        $tree = [Management.Automation.Language.Parser]::ParseInput($Text, [ref]$null, [ref]$failures)
        $failures | Should -BeNullOrEmpty
        $tree
    }

    function Get-Node([Management.Automation.Language.Ast]$Tree, [string]$Kind) {
        $Tree.FindAll({ param($node) $node.GetType().Name -eq $Kind }.GetNewClosure(), $true)
    }

    function Assert-Call([string]$Line) {
        <# That a command line calls a script here with parameters it has, values they take, and all that are mandatory. #>
        $call = Get-Node (Get-Syntax $Line) CommandAst | Where-Object { $_.CommandElements[0].Extent.Text -like '*Qed*.ps1*' } | Select-Object -First 1
        $name = [IO.Path]::GetFileName($call.CommandElements[0].Extent.Text.Trim('"').Replace('\', '/'))
        $known = (Get-Command -Name "$examples/$name").Parameters
        $given = @($call.CommandElements | Where-Object { $_ -is [Management.Automation.Language.CommandParameterAst] })
        foreach ($parameter in $given) {
            $known.Keys | Should -Contain $parameter.ParameterName
            $values = $known[$parameter.ParameterName].Attributes | Where-Object { $_ -is [ValidateSet] } | ForEach-Object ValidValues
            $value = $call.CommandElements[$call.CommandElements.IndexOf($parameter) + 1]
            if ($values) { $value.Value | Should -BeIn $values }
        }
        $fitting = (Get-Command -Name "$examples/$name").ParameterSets | Where-Object {
            -not ($_.Parameters | Where-Object { $_.IsMandatory -and $_.Position -lt 0 -and $_.Name -notin $given.ParameterName })
        }
        $fitting | Should -Not -BeNullOrEmpty -Because "all that is mandatory is given in: $Line"
    }
}

Describe '<Name>' -ForEach $scripts {
    BeforeAll {
        $text = [IO.File]::ReadAllText($Path)
        $tree = Get-Syntax $text
    }

    It 'is read alike by Windows PowerShell, which takes it for ANSI, and by others' {
        $text | Should -Not -Match '[^\x00-\x7f]'
    }

    It 'has no syntax that Windows PowerShell lacks' {
        foreach ($kind in 'TernaryExpressionAst', 'PipelineChainAst') { Get-Node $tree $kind | Should -BeNullOrEmpty }
        Get-Node $tree BinaryExpressionAst | Where-Object Operator -EQ QuestionQuestion | Should -BeNullOrEmpty
        Get-Node $tree AssignmentStatementAst | Where-Object Operator -EQ QuestionQuestionEquals | Should -BeNullOrEmpty
        Get-Node $tree MemberExpressionAst | Where-Object NullConditional | Should -BeNullOrEmpty
        $tree.FindAll({ param($node) $node -is [Management.Automation.Language.CommandParameterAst] -and $node.ParameterName -in 'Parallel', 'AsHashtable', 'ProgressAction' }, $true) |
            Should -BeNullOrEmpty
    }

    It 'uses no aliases' {
        $commands = (Get-Node $tree CommandAst).GetCommandName() | Where-Object { $_ } | Sort-Object -Unique
        # On Linux some names of Windows' aliases are programs; these are meant.
        $commands | Where-Object { $_ -notin 'cp', 'stat' -and (Get-Alias -Name $_ -ErrorAction Ignore) } | Should -BeNullOrEmpty
    }
}

Describe '<Name>' -ForEach $jobs {
    BeforeAll {
        $help = Get-Help -Name $Path -Full
    }

    It 'has help on itself, each parameter and what it emits' {
        $help.Synopsis | Should -Match '^[A-Z].*\.$'
        $help.description.Text | Should -Not -BeNullOrEmpty
        $help.returnValues | Should -Not -BeNullOrEmpty
        $own = (Get-Command -Name $Path).Parameters.Keys | Where-Object { $_ -notin [Management.Automation.Cmdlet]::CommonParameters + [Management.Automation.Cmdlet]::OptionalCommonParameters }
        foreach ($name in $own) {
            ($help.parameters.parameter | Where-Object Name -EQ $name).description.Text | Should -Match '\.$' -Because $name
        }
    }

    It 'has examples that call it as it can be called' {
        $help.examples.example.Count | Should -BeGreaterOrEqual 3
        foreach ($example in $help.examples.example) {
            $line = @($example.code -split '\r?\n')[0]
            if ($line -like '*.ps1*') { Assert-Call $line } else { $null = Get-Syntax $line }
        }
    }

    It 'asks and foresees, since it changes files' {
        (Get-Command -Name $Path).Parameters.Keys | Should -Contain 'WhatIf'
        (Get-Command -Name $Path).Parameters.Keys | Should -Contain 'Confirm'
    }
}

Describe 'The task for Task Scheduler' {
    BeforeAll {
        $file = "$examples/qed-fsck.task.xml"
        $text = [IO.File]::ReadAllText($file)
        $task = ([xml]$text).DocumentElement
        $schema = 'http://schemas.microsoft.com/windows/2004/02/mit/task'

        function Get-Child([string]$Path) {
            <# The names of an element's children, in their order. #>
            $space = [Xml.XmlNamespaceManager]::new($task.OwnerDocument.NameTable)
            $space.AddNamespace('t', $schema)
            $element = @($task.SelectNodes(($Path -split '/' | ForEach-Object { "t:$_" }) -join '/', $space))
            $element | Should -HaveCount 1 -Because $Path
            @($element[0].ChildNodes | Where-Object NodeType -EQ Element | ForEach-Object LocalName)
        }
    }

    It 'names no encoding, so that it is good as a file of UTF-8 and as the string that Register-ScheduledTask takes' {
        $text | Should -Match '^<\?xml version="1\.0"\?>'
        $text | Should -Not -Match '[^\x00-\x7f]'
    }

    It 'is of the namespace, the version and the elements of the schema, in its order' {
        $task.LocalName | Should -BeExactly 'Task'
        $task.NamespaceURI | Should -BeExactly $schema
        $task.version | Should -Be '1.3'
        $task.SelectNodes('//*') | ForEach-Object NamespaceURI | Sort-Object -Unique | Should -BeExactly $schema
        @($task.ChildNodes | Where-Object NodeType -EQ Element).LocalName | Should -BeExactly 'RegistrationInfo', 'Triggers', 'Principals', 'Settings', 'Actions'
        Get-Child RegistrationInfo | Should -BeExactly 'Description', 'Documentation'
        # These two are sequences in the schema.
        Get-Child Triggers/CalendarTrigger | Should -BeExactly 'StartBoundary', 'RandomDelay', 'ScheduleByDay'
        Get-Child Actions | Should -BeExactly 'Exec'
        Get-Child Actions/Exec | Should -BeExactly 'Command', 'Arguments'
        Get-Child Principals/Principal | Should -BeExactly 'UserId', 'RunLevel'
        # Settings come in any order, each once.
        $settings = Get-Child Settings
        $settings | Sort-Object -Unique | Should -HaveCount $settings.Count
        foreach ($setting in $settings) {
            $setting | Should -BeIn @(
                'AllowStartOnDemand', 'RestartOnFailure', 'MultipleInstancesPolicy', 'DisallowStartIfOnBatteries', 'StopIfGoingOnBatteries'
                'AllowHardTerminate', 'StartWhenAvailable', 'RunOnlyIfNetworkAvailable', 'WakeToRun', 'Enabled', 'Hidden', 'DeleteExpiredTaskAfter'
                'IdleSettings', 'NetworkSettings', 'ExecutionTimeLimit', 'Priority', 'RunOnlyIfIdle')
        }
    }

    It 'has values of the types that the schema has' {
        [Xml.XmlConvert]::ToDateTime($task.Triggers.CalendarTrigger.StartBoundary, [Xml.XmlDateTimeSerializationMode]::Unspecified) | Should -BeOfType DateTime
        foreach ($duration in $task.Triggers.CalendarTrigger.RandomDelay, $task.Settings.ExecutionTimeLimit) {
            [Xml.XmlConvert]::ToTimeSpan($duration) | Should -BeGreaterThan 0
        }
        [int]$task.Triggers.CalendarTrigger.ScheduleByDay.DaysInterval | Should -BeIn (1..365)
        [int]$task.Settings.Priority | Should -BeIn (0..10)
        foreach ($name in 'DisallowStartIfOnBatteries', 'StopIfGoingOnBatteries', 'StartWhenAvailable') { $task.Settings.$name | Should -BeIn 'true', 'false' }
        $task.Principals.Principal.RunLevel | Should -BeIn 'LeastPrivilege', 'HighestAvailable'
        # One run at a time, by the scheduler too; and the actions name a principal that there is.
        $task.Settings.MultipleInstancesPolicy | Should -BeExactly 'IgnoreNew'
        $task.Actions.Context | Should -BeExactly $task.Principals.Principal.id
        $task.Actions.Exec.Command.Length | Should -BeLessOrEqual 260
    }

    It 'calls the check as it can be called' {
        $task.Actions.Exec.Arguments | Should -Match '-NonInteractive .*-File '
        Assert-Call "& $($task.Actions.Exec.Arguments -replace '^.* -File ')"
    }
}

Describe 'The units for systemd' {
    It 'are what systemd takes' -Skip:(-not $hasSystemd) {
        $folder = New-Folder
        # The program is not necessarily there; all else is verified as it stands.
        foreach ($unit in 'qed-fsck.service', 'qed-fsck.timer') {
            Set-Content -LiteralPath "$folder/$unit" ((Get-Content -LiteralPath "$examples/$unit") -replace '^ExecStart=/usr/bin/pwsh ', 'ExecStart=/bin/sh ')
        }
        $said = & systemd-analyze verify --man=no --recursive-errors=no "$folder/qed-fsck.service" "$folder/qed-fsck.timer" 2>&1
        $LASTEXITCODE | Should -Be 0 -Because "$said"
        "$said" | Should -BeNullOrEmpty
        & systemd-analyze calendar ((Get-Content -LiteralPath "$examples/qed-fsck.timer") -match '^OnCalendar=' -replace '^OnCalendar=') > $null
        $LASTEXITCODE | Should -Be 0
    }

    It 'would fail the test above with a mistake in them' -Skip:(-not $hasSystemd) {
        $folder = New-Folder
        Set-Content -LiteralPath "$folder/qed-fsck.service" ((Get-Content -LiteralPath "$examples/qed-fsck.service") -replace '^Type=oneshot', 'Typ=oneshot' -replace '^ExecStart=/usr/bin/pwsh ', 'ExecStart=/bin/sh ')
        "$(& systemd-analyze verify --man=no --recursive-errors=no "$folder/qed-fsck.service" 2>&1)" | Should -Match 'Typ'
    }

    It 'call the check as it can be called, and let it write where it is to' {
        $service = Get-Content -LiteralPath "$examples/qed-fsck.service"
        $line = $service -match '^ExecStart=' -replace '^ExecStart=.* -File '
        Assert-Call "& $line"
        $line | Should -Match ' /var/lib/libvirt/images '
        $service | Should -Contain 'ReadWritePaths=/var/lib/libvirt/images'
        $line | Should -Match ' /var/log/qed/'
        $service | Should -Contain 'LogsDirectory=qed'
        $line | Should -Match ' /var/lib/qed/'
        $service | Should -Contain 'StateDirectory=qed'
    }
}
