# Finding servers and stopping them: Get-QedServer and Stop-QedServer.

BeforeAll {
    . $PSScriptRoot/Support.ps1
}

Describe 'Get-QedServer and Stop-QedServer' {
    BeforeAll {
        $folder = New-Folder
        $null = 'a[1]', 'a1', 'b' | ForEach-Object { New-QedImage -LiteralPath "$folder/$_.qed" -SizeBytes 1MB }
        Push-Location -LiteralPath $folder
    }

    BeforeEach {
        $one = Start-QedServer -LiteralPath 'a[1].qed'
        $two = Start-QedServer a1.qed, b.qed -ReadOnly
    }

    AfterEach {
        Get-QedServer | Stop-QedServer
    }

    AfterAll {
        Pop-Location
    }

    It 'lists all, in the order in which they were started' {
        (Get-QedServer).Uri | Should -Be $one.Address, $two.Address
    }

    It 'find a server by its image: <Name>' -ForEach @(
        @{ Name = 'a path'; Call = { & $cmdlet b.qed @more }; Of = 'two' }
        @{ Name = 'a path in full'; Call = { & $cmdlet "$folder/sub/../b.qed" @more }; Of = 'two' }
        @{ Name = 'a literal path'; Call = { & $cmdlet -LiteralPath 'a[1].qed' @more }; Of = 'one' }
        @{ Name = 'a pattern'; Call = { & $cmdlet b*.qed @more }; Of = 'two' }
        @{ Name = 'a file'; Call = { Get-Item -LiteralPath 'a[1].qed' | & $cmdlet @more }; Of = 'one' }
        @{ Name = 'a text by pipeline'; Call = { 'a[1].qed' | & $cmdlet @more }; Of = 'one' }
        @{ Name = 'a result'; Call = { Get-QedImageInfo b.qed | & $cmdlet @more }; Of = 'two' }
        @{ Name = 'an export'; Call = { $one.Exports | & $cmdlet @more }; Of = 'one' }
    ) {
        $wanted = if ($Of -eq 'one') { $one } else { $two }
        $cmdlet, $more = 'Get-QedServer', @{}
        (& $Call).Address | Should -Be $wanted.Address
        $cmdlet, $more = 'Stop-QedServer', @{ PassThru = $true }
        (& $Call).Address | Should -Be $wanted.Address
        $wanted.IsRunning | Should -BeFalse
        (Get-QedServer).Count | Should -Be 1
    }

    It 'stops those that are piped to it' {
        $one, $two | Stop-QedServer | Should -BeNullOrEmpty
        Get-QedServer | Should -BeNullOrEmpty
        Get-OpenFile $folder | Should -BeNullOrEmpty
        # Once more is no error.
        $one | Stop-QedServer -ErrorAction Stop
    }

    It 'tells of an image that nobody serves, and of a path that is nowhere, alone' {
        $two | Stop-QedServer
        foreach ($cmdlet in 'Get-QedServer', 'Stop-QedServer') {
            $null = 'b.qed', 'none.qed', 'nodrive:\x', 'a[1].qed' | & $cmdlet -ErrorAction SilentlyContinue -ErrorVariable failures
            $failures | Should -HaveCount 3
            $failures.FullyQualifiedErrorId | ForEach-Object { $_ | Should -BeLike 'ImageNotFound,*' }
            $failures.TargetObject | Should -Be 'b.qed', 'none.qed', 'nodrive:\x'
        }
        $one.IsRunning | Should -BeFalse
    }

    It 'stops nothing under -WhatIf, or where the answer is no' {
        $session = Invoke-Session { Stop-QedServer "$folder/b.qed" -WhatIf -ErrorAction Stop } @{ folder = $folder }
        "$($session.Host.Lines)" | Should -BeLike "*$($two.Address)*"
        $session = Invoke-Session { Stop-QedServer "$folder/b.qed" -Confirm } @{ folder = $folder } -Answer 2
        $session.Host.Questions | Should -HaveCount 1
        $two.IsRunning | Should -BeTrue
    }
}
