<#
.SYNOPSIS
Brings the pages in docs/cmdlets up to the module, and makes of them the help that Get-Help reads.
.DESCRIPTION
Run by ./build.ps1 Help. Needs Microsoft.PowerShell.PlatyPS 1.0 or later; what it makes is kept in the repository, so that
nothing else does. Running it once more changes nothing.

The pages are the source: what PlatyPS derives from the module it brings up to date, what was written by hand stays. To
add a cmdlet, or a parameter to one:

1. Build it, and run ./build.ps1 Help. A page for a new cmdlet, or a section for a new parameter, is there afterwards.
2. Fill in whatever stands in {{ double braces }}. A page has a synopsis of one sentence; a description of what the cmdlet
   does, on which formats, and what it does not do; each parameter, with units, bounds and default; three examples or more
   that somebody would really type; and notes on what keeps the user's data safe.
3. Run it again, for the help file.

tests/Pester/Help.Tests.ps1 holds the pages to the module. It runs every example in a folder of images that it makes first:
use the names that it lists, and one ```powershell block an example.
#>
[Diagnostics.CodeAnalysis.SuppressMessageAttribute('PSUseShouldProcessForStateChangingFunctions', '', Justification = 'They change texts in memory.')]
param(
    # The manifest of the module that the pages are about.
    [Parameter(Mandatory)]
    [string]$Module
)

$ErrorActionPreference = 'Stop'
$pages = Join-Path $PSScriptRoot 'cmdlets'
$helpFile = Join-Path $PSScriptRoot '../src/Qed.PowerShell/en-US/Qed.PowerShell.dll-Help.xml'
if (-not (Get-Module -ListAvailable -Name Microsoft.PowerShell.PlatyPS)) {
    throw 'Making help needs PlatyPS: Install-PSResource Microsoft.PowerShell.PlatyPS'
}
Import-Module -Name Microsoft.PowerShell.PlatyPS -MinimumVersion 1.0

function Save-Text([string]$Path, [string]$Text) {
    <# As the repository keeps its texts: UTF-8 without a mark, line feeds, one of them at the end. #>
    [IO.File]::WriteAllText($Path, $Text.TrimStart([char]0xFEFF).Replace("`r", '').TrimEnd() + "`n")
}

function Update-Page([Management.Automation.CmdletInfo]$Command) {
    $page = Join-Path $pages "$($Command.Name).md"
    if (-not (Test-Path -LiteralPath $page)) {
        $made = New-MarkdownCommandHelp -CommandInfo $Command -OutputFolder $scratch -HelpUri $Command.HelpUri -ExcludeDontShow
        Move-Item -LiteralPath $made.FullName -Destination $page
    }
    $null = Update-MarkdownCommandHelp -Path $page -NoBackup
    $text = (Get-Content -LiteralPath $page -Raw).Replace("`r", '')
    # The day on which it was made says nothing, and differs every day.
    $text = $text -replace '(?m)^ms\.date: .*\n'
    $text = $text -replace "(?m)^HelpUri: .*$", "HelpUri: $($Command.HelpUri)"
    # PlatyPS leaves them out of the default set.
    $text = $text -replace '(?<=\])(?<!\[<CommonParameters>\])\n```(?=\n\n##)', ("`n [<CommonParameters>]`n" + '```')
    # What a user is asked who gives nothing; PlatyPS adds it to the description, each time once more.
    foreach ($question in $Command.Parameters.Values.Attributes.HelpMessage | Where-Object { $_ } | Select-Object -Unique) {
        $text = $text -replace "(?m)^$([regex]::Escape($question))\n"
    }
    # None has an alias.
    $text = $text -replace '(?s)## ALIASES\n.*?(?=## )'
    # What a user gives; that it can be left out is said elsewhere.
    $text = $text -replace 'System\.Nullable`1\[(\S+?)\]', '$1'
    Save-Text $page $text
    $page
}

function ConvertTo-PlainText([string]$Markdown) {
    <# What a console can show of a text. #>
    ($Markdown -replace '\[([^\]]+)\]\([^)]+\)', '$1' -replace '\*\*|`').Trim()
}

function Set-Paragraph([Xml.XmlElement]$Parent, [string]$Text) {
    <# One paragraph an element, where PlatyPS puts all of them into one. #>
    $Parent.RemoveAll()
    foreach ($paragraph in $Text -split '\n\s*\n' | Where-Object { $_.Trim() }) {
        $element = $Parent.OwnerDocument.CreateElement('maml', 'para', 'http://schemas.microsoft.com/maml/2004/10')
        $element.InnerText = ConvertTo-PlainText $paragraph
        $null = $Parent.AppendChild($element)
    }
}

function Update-HelpFile([string]$Path) {
    <# Puts examples where Get-Help looks for them, and takes Markdown's marks out of texts. #>
    $xml = [xml]::new()
    $xml.Load($Path)
    $names = [Xml.XmlNamespaceManager]::new($xml.NameTable)
    $names.AddNamespace('maml', 'http://schemas.microsoft.com/maml/2004/10')
    $names.AddNamespace('command', 'http://schemas.microsoft.com/maml/dev/command/2004/10')
    $names.AddNamespace('dev', 'http://schemas.microsoft.com/maml/dev/2004/10')
    foreach ($example in $xml.SelectNodes('//command:example', $names)) {
        $text = @($example.SelectNodes('maml:introduction/maml:para', $names).InnerText) -join "`n`n" -replace [char]0x80
        # A new page, whose example is still to be written.
        if ($text.Contains('{{')) { continue }
        if ($text -notmatch '(?s)^(?<before>.*?)```powershell\n(?<code>.*?)\n```(?<after>.*)$') { throw "An example without code: $text" }
        $words = $Matches.before + "`n`n" + $Matches.after
        $example.SelectSingleNode('dev:code', $names).InnerText = $Matches.code
        # Get-Help shows an introduction as if it were the prompt before the code.
        Set-Paragraph $example.SelectSingleNode('maml:introduction', $names) ''
        Set-Paragraph $example.SelectSingleNode('dev:remarks', $names) $words
    }
    # PlatyPS adds the page itself, which is the first of the related links already.
    foreach ($link in $xml.SelectNodes('//maml:navigationLink[maml:uri = preceding-sibling::maml:navigationLink/maml:uri]', $names)) {
        $null = $link.ParentNode.RemoveChild($link)
    }
    foreach ($text in $xml.SelectNodes('//maml:description | //maml:alert', $names)) {
        if ($text.HasChildNodes) { Set-Paragraph $text (@($text.ChildNodes.InnerText) -join "`n`n") }
    }
    $writer = [IO.StringWriter]::new()
    $xml.Save($writer)
    $null = New-Item -ItemType Directory -Path (Split-Path $helpFile) -Force
    Save-Text $helpFile ($writer.ToString() -replace 'encoding="utf-16"', 'encoding="utf-8"')
}

$null = New-Item -ItemType Directory -Path $pages -Force
$scratch = Join-Path ([IO.Path]::GetTempPath()) "qed-help-$([guid]::NewGuid().ToString('N'))"
$null = New-Item -ItemType Directory -Path $scratch
try {
    # PlatyPS adds what Get-Help says to what a page says already, so it gets the module without its help.
    Copy-Item -LiteralPath (Split-Path $Module) -Destination $scratch/Qed -Recurse
    Remove-Item -LiteralPath $scratch/Qed/en-US -Recurse -ErrorAction Ignore
    Import-Module -Name $scratch/Qed/Qed.psd1 -Force
    $commands = Get-Command -Module Qed -CommandType Cmdlet | Sort-Object -Property Name
    $updated = foreach ($command in $commands) { Update-Page $command }
    $made = Import-MarkdownCommandHelp -Path $updated | Export-MamlCommandHelp -OutputFolder $scratch
    Update-HelpFile $made.FullName
    "The pages of $($commands.Count) cmdlets and their help file are up to date."
}
finally {
    Remove-Item -LiteralPath $scratch -Recurse -ErrorAction Ignore
}
