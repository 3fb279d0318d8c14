"""Languages: whatever a file calls one, as its ISO 639-3 code; and the names that PAGE XML has for them.

Sources: ISO 639-1, 639-2 (bibliographic codes) and 639-3; the names are those of the PAGE schema of 2019.
"""

from __future__ import annotations

# fmt: off
_TWO_LETTERS = """
aa=aar ab=abk ae=ave af=afr ak=aka am=amh an=arg ar=ara as=asm av=ava ay=aym az=aze ba=bak be=bel bg=bul bi=bis bm=bam
bn=ben bo=bod br=bre bs=bos ca=cat ce=che ch=cha co=cos cr=cre cs=ces cu=chu cv=chv cy=cym da=dan de=deu dv=div dz=dzo
ee=ewe el=ell en=eng eo=epo es=spa et=est eu=eus fa=fas ff=ful fi=fin fj=fij fo=fao fr=fra fy=fry ga=gle gd=gla gl=glg
gn=grn gu=guj gv=glv ha=hau he=heb hi=hin ho=hmo hr=hrv ht=hat hu=hun hy=hye hz=her ia=ina id=ind ie=ile ig=ibo ii=iii
ik=ipk io=ido is=isl it=ita iu=iku ja=jpn jv=jav ka=kat kg=kon ki=kik kj=kua kk=kaz kl=kal km=khm kn=kan ko=kor kr=kau
ks=kas ku=kur kv=kom kw=cor ky=kir la=lat lb=ltz lg=lug li=lim ln=lin lo=lao lt=lit lu=lub lv=lav mg=mlg mh=mah mi=mri
mk=mkd ml=mal mn=mon mr=mar ms=msa mt=mlt my=mya na=nau nb=nob nd=nde ne=nep ng=ndo nl=nld nn=nno no=nor nr=nbl nv=nav
ny=nya oc=oci oj=oji om=orm or=ori os=oss pa=pan pi=pli pl=pol ps=pus pt=por qu=que rm=roh rn=run ro=ron ru=rus rw=kin
sa=san sc=srd sd=snd se=sme sg=sag si=sin sk=slk sl=slv sm=smo sn=sna so=som sq=sqi sr=srp ss=ssw st=sot su=sun sv=swe
sw=swa ta=tam te=tel tg=tgk th=tha ti=tir tk=tuk tl=tgl tn=tsn to=ton tr=tur ts=tso tt=tat tw=twi ty=tah ug=uig uk=ukr
ur=urd uz=uzb ve=ven vi=vie vo=vol wa=wln wo=wol xh=xho yi=yid yo=yor za=zha zh=zho zu=zul
"""
_BIBLIOGRAPHIC = """
alb=sqi arm=hye baq=eus bur=mya chi=zho cze=ces dut=nld fre=fra geo=kat ger=deu gre=ell ice=isl mac=mkd mao=mri may=msa
per=fas rum=ron slo=slk tib=bod wel=cym
"""
_PAGE_NAMES = """
Abkhaz=abk; Afar=aar; Afrikaans=afr; Akan=aka; Albanian=sqi; Amharic=amh; Arabic=ara; Aragonese=arg; Armenian=hye;
Assamese=asm; Avaric=ava; Avestan=ave; Aymara=aym; Azerbaijani=aze; Bambara=bam; Bashkir=bak; Basque=eus; Belarusian=bel;
Bengali=ben; Bihari=bih; Bislama=bis; Bosnian=bos; Breton=bre; Bulgarian=bul; Burmese=mya; Cambodian=khm; Cantonese=yue;
Catalan=cat; Chamorro=cha; Chechen=che; Chichewa=nya; Chinese=zho; Chuvash=chv; Cornish=cor; Corsican=cos; Cree=cre;
Croatian=hrv; Czech=ces; Danish=dan; Divehi=div; Dutch=nld; Dzongkha=dzo; English=eng; Esperanto=epo; Estonian=est; Ewe=ewe;
Faroese=fao; Fijian=fij; Finnish=fin; French=fra; Fula=ful; Gaelic=gla; Galician=glg; Ganda=lug; Georgian=kat; German=deu;
Greek=ell; Guaraní=grn; Gujarati=guj; Haitian=hat; Hausa=hau; Hebrew=heb; Herero=her; Hindi=hin; Hiri Motu=hmo;
Hungarian=hun; Icelandic=isl; Ido=ido; Igbo=ibo; Indonesian=ind; Interlingua=ina; Interlingue=ile; Inuktitut=iku;
Inupiaq=ipk; Irish=gle; Italian=ita; Japanese=jpn; Javanese=jav; Kalaallisut=kal; Kannada=kan; Kanuri=kau; Kashmiri=kas;
Kazakh=kaz; Khmer=khm; Kikuyu=kik; Kinyarwanda=kin; Kirundi=run; Komi=kom; Kongo=kon; Korean=kor; Kurdish=kur; Kwanyama=kua;
Kyrgyz=kir; Lao=lao; Latin=lat; Latvian=lav; Limburgish=lim; Lingala=lin; Lithuanian=lit; Luba-Katanga=lub;
Luxembourgish=ltz; Macedonian=mkd; Malagasy=mlg; Malay=msa; Malayalam=mal; Maltese=mlt; Manx=glv; Māori=mri; Marathi=mar;
Marshallese=mah; Mongolian=mon; Nauru=nau; Navajo=nav; Ndonga=ndo; Nepali=nep; North Ndebele=nde; Northern Sami=sme;
Norwegian=nor; Norwegian Bokmål=nob; Norwegian Nynorsk=nno; Nuosu=iii; Occitan=oci; Ojibwe=oji; Old Church Slavonic=chu;
Oriya=ori; Oromo=orm; Ossetian=oss; Pāli=pli; Panjabi=pan; Pashto=pus; Persian=fas; Polish=pol; Portuguese=por; Punjabi=pan;
Quechua=que; Romanian=ron; Romansh=roh; Russian=rus; Samoan=smo; Sango=sag; Sanskrit=san; Sardinian=srd; Serbian=srp;
Shona=sna; Sindhi=snd; Sinhala=sin; Slovak=slk; Slovene=slv; Somali=som; South Ndebele=nbl; Southern Sotho=sot; Spanish=spa;
Sundanese=sun; Swahili=swa; Swati=ssw; Swedish=swe; Tagalog=tgl; Tahitian=tah; Tajik=tgk; Tamil=tam; Tatar=tat; Telugu=tel;
Thai=tha; Tibetan=bod; Tigrinya=tir; Tonga=ton; Tsonga=tso; Tswana=tsn; Turkish=tur; Turkmen=tuk; Twi=twi; Uighur=uig;
Ukrainian=ukr; Urdu=urd; Uzbek=uzb; Venda=ven; Vietnamese=vie; Volapük=vol; Walloon=wln; Welsh=cym; Western Frisian=fry;
Wolof=wol; Xhosa=xho; Yiddish=yid; Yoruba=yor; Zhuang=zha; Zulu=zul
"""
# fmt: on


def _table(pairs: list[str]) -> dict[str, str]:
    """From `name=code` each."""
    return {" ".join(name.split()): code for name, _, code in (pair.partition("=") for pair in pairs)}


_NAMES = _table(" ".join(_PAGE_NAMES.split()).split("; "))
_CODES = {name.casefold(): code for name, code in _NAMES.items()} | _table(_BIBLIOGRAPHIC.split()) | _table(_TWO_LETTERS.split())
_PAGE_NAME = {code: name for name, code in reversed(_NAMES.items())}  # of two names the first


def iso639_3(language: str) -> str:
    """The ISO 639-3 code of a language that is given as a code of ISO 639-1, 639-2 or 639-3, as a BCP 47 tag ("de-AT"; its region
    and script are left out), or by its English name in PAGE XML ("German"). What none of these is stays as it is."""
    text = language.strip()
    known = _CODES.get(text.casefold())
    if known is not None:
        return known
    first = text.replace("_", "-").split("-")[0].casefold()
    if len(first) == 3 and first.isalpha() and first.isascii():
        return _CODES.get(first, first)
    return _CODES.get(first, text) if len(first) == 2 else text


def page_name(code: str) -> str:
    """The name that PAGE XML has for the language of an ISO 639-3 code; "": it has none."""
    return _PAGE_NAME.get(code, "")
