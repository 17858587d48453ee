# One module, two builds. Choosing here keeps the manifest plain data, which gallery and deployment tools read without running it.
if ($PSEdition -ne 'Core') {
    $framework = 'netstandard2.0'
}
elseif ($PSVersionTable.PSVersion -ge [version]'7.4') {
    $framework = 'net8.0'
}
else {
    throw "Qed needs PowerShell 7.4 or later, or Windows PowerShell 5.1; this is PowerShell $($PSVersionTable.PSVersion)."
}
Import-Module -Name "$PSScriptRoot/bin/$framework/Qed.PowerShell.dll"
