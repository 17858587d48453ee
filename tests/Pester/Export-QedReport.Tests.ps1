BeforeDiscovery {
    $hasBrowser = (Get-Command chromedriver -ErrorAction Ignore) -and (Get-Command chromium -ErrorAction Ignore)
    # In CI on Linux the browser is part of what is tested; elsewhere it may be missing.
    $skipBrowser = -not $hasBrowser -and -not ($env:CI -and $IsLinux)
}

BeforeAll {
    . $PSScriptRoot/Support.ps1
    $folder = New-Folder
    # Windows has no angle brackets in names.
    $tag = if ($IsLinux) { '<img src=x onerror=alert(1)>' }
    $hostile = "$tag&amp;'$([char]0x202e).qed"
    $null = New-FilledImage "$folder/clean.qed"
    $null = New-FilledImage "$folder/corrupt.qed"
    Set-Corruption "$folder/corrupt.qed"
    $null = New-FilledImage "$folder/leaking.qed"
    Add-Leak "$folder/leaking.qed" 5
    $null = New-FilledImage "$folder/leaking10.qed"
    Add-Leak "$folder/leaking10.qed" 10
    $null = New-FilledImage "$folder/$hostile"
    $reports = Get-ChildItem -LiteralPath $folder -Filter *.qed | Test-QedImage
    $page = "$folder${/}report.html"
}

Describe 'Export-QedReport' {
    It 'writes one page on all reports, which fetches nothing' {
        $file = $reports | Export-QedReport $page -PassThru
        $file.FullName | Should -Be $page
        $html = Get-Content -LiteralPath $page -Raw
        foreach ($name in 'clean.qed', 'corrupt.qed', 'leaking.qed', 'leaking10.qed') { $html | Should -BeLike "*$name*" }
        $html | Should -Not -Match '(src|href)\s*=\s*["'']?(https?:)?//'
        $html | Should -BeLike "*default-src 'none'*"
    }

    It 'says first what needs attention first' {
        $html = Get-Content -LiteralPath $page -Raw
        $urgent = $html.Substring($html.IndexOf('<ol'), $html.IndexOf('</ol>') - $html.IndexOf('<ol'))
        [regex]::Matches($urgent, '[a-z0-9]+\.qed').Value | Should -Be 'corrupt.qed', 'leaking10.qed', 'leaking.qed'
    }

    It 'takes names from images for nothing but text' {
        $html = Get-Content -LiteralPath $page -Raw
        $html | Should -Not -BeLike '*<img*'
        $html | Should -Not -BeLike "*$([char]0x202e)*"
        $html | Should -BeLike "*$([Net.WebUtility]::HtmlEncode($tag))&amp;amp;*\u202e.qed*"
        { $reports | Export-QedReport "$folder/title.html" -Title '</title><script>alert(1)</script>' } | Should -Not -Throw
        Get-Content -LiteralPath "$folder/title.html" -Raw | Should -Not -BeLike '*<script>alert*'
    }

    It 'takes reports that came from another host, and says which' {
        $returned = [Management.Automation.PSSerializer]::Deserialize([Management.Automation.PSSerializer]::Serialize(@($reports)))
        $returned | ForEach-Object { $_ | Add-Member PSComputerName 'store<7>' }
        $returned | Export-QedReport "$folder/remote.html"
        $html = Get-Content -LiteralPath "$folder/remote.html" -Raw
        $html | Should -BeLike '*on store&lt;7&gt;*'
        [regex]::Matches($html, 'class="status (\w+)"').ForEach({ $_.Groups[1].Value }) | Should -Be 'bad', 'warn', 'warn', 'good', 'good'
    }

    It 'replaces a file only with -Force, and writes nothing under -WhatIf' {
        { $reports | Export-QedReport $page -ErrorAction Stop } | Should -Throw -ErrorId 'ImageExists,*'
        $before = Get-FileHash -LiteralPath $page
        $reports | Export-QedReport $page -Force -WhatIf
        (Get-FileHash -LiteralPath $page).Hash | Should -Be $before.Hash
        $reports[0] | Export-QedReport $page -Force
        (Get-FileHash -LiteralPath $page).Hash | Should -Not -Be $before.Hash
        Get-ChildItem -LiteralPath $folder -Filter *.partial | Should -BeNullOrEmpty
    }

    It 'refuses what is no report, passes over nothing at all, and writes the rest' {
        $clean = $reports | Where-Object Path -Like '*clean.qed'
        $failures = Get-Failure { @(Get-Item -LiteralPath $page; $clean; $null, 'x') | Export-QedReport "$folder/mixed.html" }
        $failures.FullyQualifiedErrorId | Should -Be (@('InputObjectNotBound,Qed.PowerShell.Commands.ExportQedReportCommand') * 2)
        Get-Content -LiteralPath "$folder/mixed.html" -Raw | Should -BeLike '*clean.qed*'
    }

    It 'writes a page on nothing' {
        @() | Export-QedReport "$folder/none.html"
        Test-Path -LiteralPath "$folder/none.html" | Should -BeTrue
    }
}

Describe 'The page in a browser' -Skip:$skipBrowser {
    BeforeAll {
        # 1,000 rows: the five that are real, and copies of them under other names.
        $many = foreach ($number in 1..200) {
            foreach ($report in $reports) {
                $copy = $report | Select-Object *
                $copy.Path = "$folder/$number-" + [IO.Path]::GetFileName($report.Path)
                $copy
            }
        }
        $many | Export-QedReport "$folder/many.html"

        $listener = [Net.Sockets.TcpListener]::new([Net.IPAddress]::Loopback, 0)
        $listener.Start()
        $port = $listener.LocalEndpoint.Port
        $listener.Stop()
        $driver = Start-Process chromedriver "--port=$port" -PassThru -RedirectStandardOutput "$folder/driver.log"
        Wait-Until { try { (Invoke-RestMethod "http://127.0.0.1:$port/status").value.ready } catch { $false } } 60
        $arguments = '--headless', '--no-sandbox', '--disable-gpu', '--no-first-run', '--disable-background-networking', '--disable-component-update', '--disable-sync', "--user-data-dir=$folder/profile"
        $capabilities = @{ alwaysMatch = @{ 'goog:chromeOptions' = @{ binary = (Get-Command chromium).Source; args = $arguments } } }
        $session = (Invoke-RestMethod "http://127.0.0.1:$port/session" -Method Post -Body (@{ capabilities = $capabilities } | ConvertTo-Json -Depth 5)).value.sessionId

        function Invoke-Browser([string]$Command, [hashtable]$Body = @{}) {
            (Invoke-RestMethod "http://127.0.0.1:$port/session/$session/$Command" -Method Post -Body ($Body | ConvertTo-Json -Depth 5) -ContentType 'application/json').value
        }

        function Invoke-Script([string]$Script) {
            Invoke-Browser execute/sync @{ script = "return $Script"; args = @() }
        }

        function Get-Element([string]$Selector) {
            (Invoke-Browser element @{ using = 'css selector'; value = $Selector }).psobject.Properties.Value
        }

        function Get-Shown {
            Invoke-Script "Array.from(document.querySelectorAll('#images tbody tr')).filter(row => !row.hidden).map(row => row.cells[0].querySelector('bdi').textContent)"
        }

        $null = Invoke-Browser url @{ url = "file://$folder/many.html" }
    }

    AfterAll {
        if ($session) { $null = Invoke-RestMethod "http://127.0.0.1:$port/session/$session" -Method Delete }
        Stop-Process -InputObject $driver -ErrorAction Ignore
    }

    It 'shows every image, and runs nothing that a name holds' {
        Get-Shown | Should -HaveCount 1000
        Invoke-Script "document.getElementById('count').textContent" | Should -Be '1000 images'
        Invoke-Script "document.querySelectorAll('img').length" | Should -Be 0
    }

    It 'is searched for all words that are typed' {
        $null = Invoke-Browser "element/$(Get-Element '#search')/value" @{ text = '77- leaking10' }
        Get-Shown | Should -Be '177-leaking10.qed', '77-leaking10.qed'
    }

    It 'is sorted by a click on a heading, and the other way round by another' {
        $null = Invoke-Browser "element/$(Get-Element '#images th:nth-child(1) button')/click"
        (Get-Shown)[0, -1] | Should -Be '77-leaking10.qed', '177-leaking10.qed'
        $null = Invoke-Browser "element/$(Get-Element '#images th:nth-child(1) button')/click"
        (Get-Shown)[0, -1] | Should -Be '177-leaking10.qed', '77-leaking10.qed'
        Invoke-Script "document.querySelector('#images th').getAttribute('aria-sort')" | Should -Be 'descending'
        $null = Invoke-Browser "element/$(Get-Element '#search')/clear"
        $null = Invoke-Script "document.getElementById('search').dispatchEvent(new Event('input'))"
        $null = Invoke-Browser "element/$(Get-Element '#images th:nth-child(4) button')/click"
        (Get-Shown)[0..199] -like '*leaking10.qed' | Should -HaveCount 200
    }
}
